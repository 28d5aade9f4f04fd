"""Single layers compared: a custom one with its standard counterpart, forward and backward."""
