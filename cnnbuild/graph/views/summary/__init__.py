"""What `inspect` tells about a graph: rows, totals, and the forms in which they are written."""

from cnnbuild.graph.views.summary.captions import Json, caption
from cnnbuild.graph.views.summary.footer import MACS_CONVENTION
from cnnbuild.graph.views.summary.lines import View
from cnnbuild.graph.views.summary.summary import Summary
from cnnbuild.graph.views.summary.totals import Totals

__all__ = ["MACS_CONVENTION", "Json", "Summary", "Totals", "View", "caption"]
