"""What `cnnbuild inspect` shows in place of its table: sizes, one layer, fields, or a check."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnnbuild.cli.inspect_fields import FieldsAsked, fields_told
from cnnbuild.cli.inspect_layer import layer_text
from cnnbuild.cli.inspect_table import Form, require_plain_view, summary_text
from cnnbuild.cli.inspect_verify import macs_as_text, verification_told
from cnnbuild.errors import UsageError

if TYPE_CHECKING:
    from cnnbuild.graph.conventions.convention import Tool
    from cnnbuild.graph.views.summary.lines import View
    from cnnbuild.graph.views.summary.summary import Summary

TEXT_AND_JSON = frozenset({"table", "json"})


@dataclass(frozen=True, slots=True)
class ReportAsked:
    """The flags that ask for something else than the table; at most one is given."""

    sweep: str | None
    layer: str | None
    fields: FieldsAsked
    verify: bool
    macs_as: Tool | None

    @property
    def names(self) -> tuple[str, ...]:
        """The flags that were given."""
        asked = {
            "--sweep": self.sweep is not None,
            "--layer": self.layer is not None,
            "--rf-map": self.fields.rf_map is not None,
            "--erf": self.fields.erf and self.fields.rf_map is None,
            "--verify": self.verify,
            "--macs-as": self.macs_as is not None,
        }
        return tuple(flag for flag, given in asked.items() if given)

    def check(self, view: View, form: Form) -> None:
        """Nothing, where the flags fit together and with those of the table.

        Raises:
            UsageError: they do not.
        """
        self.fields.check()
        names = self.names
        if len(names) > 1:
            raise UsageError(f"{names[0]} and {names[1]} are two things to show; give one of them")
        if not names:
            return
        require_plain_view(view, f"{names[0]} shows something else than the table of nodes")
        if form not in TEXT_AND_JSON and names[0] != "--sweep":
            raise UsageError(f"{names[0]} gives text or JSON, and not {form}")

    def told(self, summary: Summary, form: Form, output: Path | None) -> tuple[str, bool]:
        """The report on a network, and whether nothing in it speaks against the network.

        Raises:
            UsageError: it cannot be given for this network, or in this form.
        """
        graph, as_json = summary.graph, form == "json"
        if self.fields.anything:
            return fields_told(graph, self.fields, as_json=as_json) + "\n", True
        if self.layer is not None:
            return layer_text(graph, self.layer, form, batch=summary.batch, dtype=summary.dtype), True
        if self.verify:
            return verification_told(graph, as_json=as_json)
        if self.macs_as is not None:
            return macs_as_text(graph, self.macs_as, as_json=as_json)
        return summary_text(summary, form, output), True
