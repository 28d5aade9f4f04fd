"""What a file may say: YAML text with positions, values and expressions, the two kinds of document.

Nothing in this room imports torch, and nothing in it evaluates, imports or unpickles what a file contains.
"""
