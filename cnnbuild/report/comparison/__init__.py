"""Figures of comparison with the numbers behind them, as blocks of the page."""

from cnnbuild.report.comparison.blocks import comparison_blocks

__all__ = ["comparison_blocks"]
