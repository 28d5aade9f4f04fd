"""Faster forms of a built module: its program, rewrites of it, and how it is run."""
