"""The command ``yeastpromoter``: `main` is the group, each other module one of its commands, or what they share."""
