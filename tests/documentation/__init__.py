"""The documentation's own tests, and `python -m tests.documentation`, which writes its generated parts anew."""
