"""Design: promoters of a wanted strength, under the constraints of those who order and clone them."""
