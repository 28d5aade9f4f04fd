"""Receptive fields drawn on the input: a scene of plain data, and its writers."""
