"""The words: one class per layer type, and the registry that finds them.

Torch is imported inside `build()` only.
"""
