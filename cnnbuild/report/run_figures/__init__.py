"""Figures of what happened inside runs: gradients, mistakes, images, filters, receptive fields."""

from cnnbuild.report.run_figures.blocks import run_blocks

__all__ = ["run_blocks"]
