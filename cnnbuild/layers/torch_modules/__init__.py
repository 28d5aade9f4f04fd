"""The modules that torch does not have. Imported by `build()` only: everything here imports torch."""
