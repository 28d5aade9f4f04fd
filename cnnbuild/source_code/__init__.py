"""Graph -> source code: a readable Python file with a plain `nn.Module`, which needs torch alone."""
