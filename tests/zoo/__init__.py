"""The networks of `architectures/zoo` against the implementations that they name.

`network.py` says what is known of a network, `networks.py` lists them all, a module for each group of families gives its
part of the list, and `comparison.py` and `fields.py` compare.
"""
