"""Weights and images -> records."""
