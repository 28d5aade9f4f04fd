"""From a graph to a plain `nn.Module`."""
