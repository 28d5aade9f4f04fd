"""The modules that torch does not have; imported by `build()` only, as they load torch.

Their source is what `cnnbuild export --python` copies. So lines have at most 88
characters, and what is broken over several has a comma after the last item: then
`ruff format` leaves them as they are in every project.
"""
