"""Tensors in: data sets as uint8 tensors, their split, normalisation and augmentation."""
