"""The words: one class per layer type, the registry that finds them, the standard blocks. Torch only inside `build()`."""
