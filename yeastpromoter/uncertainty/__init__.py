"""How sure a prediction is: prediction intervals, intervals of effects, and what is unlike the training data."""
