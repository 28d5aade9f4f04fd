"""What can be said of each layer type: its parameters, their kinds and meanings."""
