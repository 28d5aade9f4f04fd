"""`nn.Module` -> architecture file: what a module computes, followed by torch.fx and written down as YAML."""
