"""What `inspect` tells about a graph, and the forms in which it is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from cnnbuild.graph.graph import Graph
from cnnbuild.graph.input_sizes import AxisSizes, input_sizes
from cnnbuild.graph.lifetimes import computed_in_evaluation
from cnnbuild.graph.memory import Dtype, Memory, memory_of
from cnnbuild.graph.optimizer_state import Optimizer
from cnnbuild.graph.views.summary.captions import Json
from cnnbuild.graph.views.summary.facts import LastMap, last_map_of
from cnnbuild.graph.views.summary.lines import Order, View
from cnnbuild.graph.views.summary.totals import Totals, totals_of
from cnnbuild.graph.visibility import covers_image

if TYPE_CHECKING:
    from pandas import DataFrame

    from cnnbuild.graph.views.picture.captions import Measure
    from cnnbuild.graph.views.picture.notebook import Picture
    from cnnbuild.graph.views.summary.rows import Row
    from cnnbuild.graph.views.summary.sheets import Sheet

EVERYTHING_FOLDED = View()
PLAIN_WIDTH = 100  # columns of a table that no window limits


@dataclass(frozen=True)
class Summary:
    """What is known of a network without running it; `print` shows it as a table.

    Memory is that of a `batch` of images with everything in one `dtype`, in training with an `optimizer`.
    `view` says what the tables show; `to_dict` and `rows` hold every node whatever it says.
    """

    graph: Graph
    batch: int = 1
    dtype: Dtype = "float32"
    optimizer: Optimizer = "sgd"
    view: View = EVERYTHING_FOLDED

    def viewed(
        self,
        *,
        fold: bool | None = None,
        depth: int | None = None,
        columns: tuple[str, ...] | None = None,
        sort: Order | None = None,
        top: int | None = None,
    ) -> Summary:
        """The same summary, its tables shown as `View` says."""
        return replace(self, view=View(fold, depth, columns, sort, top))

    @cached_property
    def memory(self) -> Memory:
        """What it holds for one batch, in evaluation and in training."""
        return memory_of(self.graph, batch=self.batch, dtype=self.dtype, optimizer=self.optimizer)

    @property
    def inference_bytes(self) -> int:
        """Bytes that evaluation holds at once: weights, buffers, and the most tensors that are alive."""
        return self.memory.weights + self.memory.buffers + self.memory.inference_peak

    @cached_property
    def totals(self) -> Totals:
        """Sums over the network."""
        return totals_of(self.graph, self.memory)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """One row per node, in the order of computation."""
        from cnnbuild.graph.views.summary.rows import rows_of

        return rows_of(self.graph, self.memory)

    @cached_property
    def first_to_see_everything(self) -> str | None:
        """The first node that has an output which sees the whole input."""
        image, nodes = self.graph.contract.shape, self.graph.nodes
        return next((node.name for node in nodes if covers_image(node.field, node.shape, image)), None)

    @cached_property
    def input_sizes(self) -> tuple[AxisSizes, AxisSizes]:
        """The heights and widths of images that the network takes."""
        return input_sizes(self.graph)

    @cached_property
    def computed(self) -> list[bool]:
        """Of each node, whether evaluation computes it; heads for training are left out there."""
        return computed_in_evaluation(self.graph)

    @cached_property
    def last_map(self) -> LastMap | None:
        """The last node whose outputs have a place in the image; None where there is none."""
        return last_map_of(self.graph)

    @property
    def title(self) -> str:
        """The network and its variant."""
        return self.graph.name + (f"@{self.graph.variant}" if self.graph.variant else "")

    def table(self, *, width: int | None = PLAIN_WIDTH, colours: bool = False) -> str:
        """The summary in aligned columns; `colours` are those of terminals.

        The table leaves out what does not fit into `width`, None for no limit. Where columns were asked for,
        it is as wide as they need.
        """
        from cnnbuild.graph.views.summary.text import text_table

        return text_table(self.sheet(), width=width, colours=colours)

    def to_dict(self) -> dict[str, Json]:
        """The summary as JSON has it; `cnnbuild schema summary` prints its JSON Schema."""
        from cnnbuild.graph.views.summary.json_form import summary_to_dict

        return summary_to_dict(self)

    def to_json(self) -> str:
        """The same as text."""
        import json

        return json.dumps(self.to_dict(), indent=2)

    def to_csv(self) -> str:
        """Comma-separated values with one header line (RFC 4180): a line per node, or per level of `depth`.

        Where copies are folded, a line holds the sums over them.
        """
        from cnnbuild.graph.views.summary.csv_form import summary_csv

        return summary_csv(self)

    def to_dataframe(self) -> DataFrame:
        """The lines and columns of `to_csv`, where pandas is installed; a value that does not exist is None.

        Raises:
            UsageError: it is not.
        """
        from cnnbuild.data_frames import data_frame
        from cnnbuild.graph.views.summary.csv_form import raw_table

        headers, rows = raw_table(self)
        return data_frame(headers, [[None if value == "" else value for value in row] for row in rows])

    def to_markdown(self) -> str:
        """A table in GitHub's Markdown."""
        from cnnbuild.graph.views.summary.markdown import markdown_table

        return markdown_table(self.sheet())

    def to_latex(self) -> str:
        """A table in LaTeX, for the packages booktabs and longtable."""
        from cnnbuild.graph.views.summary.latex import LATEX_COLUMNS, latex_table

        return latex_table(self.sheet(LATEX_COLUMNS))

    def to_html(self) -> str:
        """A page that needs no other file: light and dark, its lines sorted by a click on a heading."""
        from cnnbuild.graph.views.summary.html import html_page

        return html_page(self.sheet())

    def picture(self, *, color: Measure = "macs", depth: int | None = None) -> Picture:
        """The network as a picture, which notebooks show; `color` is what darkens its boxes.

        Without `depth`, as many levels of names are open as fit about one screen.
        """
        from cnnbuild.graph.views.picture.notebook import Picture

        return Picture(self.graph, color, depth)

    def _repr_html_(self) -> str:
        """The table as notebooks show it."""
        from cnnbuild.graph.views.summary.html import html_fragment

        return html_fragment(self.sheet())

    def __repr__(self) -> str:
        """Which network at which size, and what it costs; `str` gives the table."""
        from cnnbuild.graph.views.summary.captions import sizes

        costs = f"{self.graph.parameters:,} parameters, {self.graph.macs:,} MACs"
        return f"<Summary of {self.title or 'a network'} at {sizes(self.graph.contract.shape)}: {costs}>"

    def __str__(self) -> str:
        """The summary as a table."""
        return self.table()

    def sheet(self, columns: tuple[str, ...] | None = None) -> Sheet:
        """The table before it is written, with the columns of its view, else those given, else the usual.

        Raises:
            UsageError: the view asks for a column that does not exist.
        """
        from cnnbuild.graph.views.summary.summary_sheet import summary_sheet

        return summary_sheet(self, columns)
