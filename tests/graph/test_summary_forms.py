"""Summaries as CSV, Markdown, LaTeX and HTML, read by what others read them with."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from cnnbuild.graph.views.summary import Summary
from cnnbuild.graph.views.summary.html import html_page
from cnnbuild.graph.views.summary.latex import latex_table
from cnnbuild.graph.views.summary.markdown import markdown_table
from cnnbuild.graph.views.summary.sheets import Sheet, SheetColumn
from tests.graph.summary_networks import UNITS, graph_of

NASTY = UNITS.replace("name: units", "name: 'a|b <b> & 50% _x_ $y$ #1 `c`'")


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_csv_has_one_header_and_a_line_of_raw_integers_for_each_node() -> None:
    text = Summary(graph_of(UNITS)).to_csv()
    assert text.count("\r\n") == text.count("\n") == 1 + 19
    rows = read(text)
    assert [row["name"] for row in rows[:3]] == ["stem", "stage.0.conv_1", "stage.0.batch_norm_1"]
    assert sum(int(row["parameters"]) for row in rows) == 727
    assert sum(int(row["macs"]) for row in rows) == 62_220
    assert sum(float(row["mac_share"]) for row in rows) == pytest.approx(1)
    assert {row["copies"] for row in rows} == {"1"}
    assert (rows[3]["from"], rows[3]["out"], rows[3]["activation_bytes"]) == ("3 1", "4x8x8", "1024")
    assert (rows[-1]["rf_height"], rows[-1]["stride_height"], rows[-1]["global"]) == ("", "", "yes")
    assert (rows[-2]["file"], rows[0]["line"]) == ("net.yaml", "12")


def test_csv_holds_the_sums_of_copies_where_they_are_folded() -> None:
    rows = read(Summary(graph_of(UNITS)).viewed(fold=True).to_csv())
    assert sum(int(row["parameters"]) for row in rows) == 727
    unit = next(row for row in rows if row["name"] == "stage.0-2.conv_1")
    assert (unit["copies"], unit["parameters"], unit["macs"]) == ("3", "432", "27648")


def test_csv_has_the_columns_that_are_asked_for_in_their_order() -> None:
    text = Summary(graph_of(UNITS)).viewed(columns=("macs", "rf", "layer")).to_csv()
    assert text.split("\r\n")[:2] == ["macs,rf_height,rf_width,global,name", "6912,3,3,no,stem"]


def markdown_cells(text: str) -> list[list[str]]:
    """The table as a Markdown parser reads it, as plain text."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    rows: list[list[str]] = []
    for at, token in enumerate(tokens):
        if token.type == "tr_open":
            rows.append([])
        if token.type in {"th_open", "td_open"}:
            children = tokens[at + 1].children or []
            assert {child.type for child in children} <= {
                "text",
                "code_inline",
                "strong_open",
                "strong_close",
            }
            rows[-1].append("".join(child.content for child in children).replace("\xa0", " "))
    return rows


def test_markdown_is_one_table_whose_cells_are_those_of_the_sheet() -> None:
    summary = Summary(graph_of(NASTY))
    rows = markdown_cells(summary.to_markdown())
    sheet = summary.sheet()
    assert len(rows) == 1 + 11
    assert rows[0] == [column.heading for column in sheet.columns]
    for n, row in enumerate(rows[1:]):
        assert [cell.strip() for cell in row] == [column.cells[n] for column in sheet.columns]


def test_markdown_shows_a_title_as_it_was_written() -> None:
    inline = MarkdownIt("commonmark").parse(Summary(graph_of(NASTY)).to_markdown())[1].children or []
    assert {child.type for child in inline} <= {"text", "text_special", "strong_open", "strong_close"}
    assert "".join(child.content for child in inline).startswith("a|b <b> & 50% _x_ $y$ #1 `c` input")


NASTY_CELLS = ("a|b", "<i>&", "50% _x_", "$y$ #1", "{z}~^", "\\back", "`tick`", "[link](x)", "a*b*")


def nasty_sheet() -> Sheet:
    """Cells such as names of layer types and paths of files could be, at their worst."""
    return Sheet(
        title="title",
        subtitle="",
        names="name",
        columns=tuple(
            SheetColumn(key, key, "", "left", NASTY_CELLS, lambda: NASTY_CELLS) for key in ("name", "other")
        ),
        levels=("row",) * len(NASTY_CELLS),
        indents=(0,) * len(NASTY_CELLS),
        remarks=(),
    )


def test_signs_in_cells_are_shown_and_not_obeyed() -> None:
    expected = [["name", "other"], *([cell, cell] for cell in NASTY_CELLS)]
    assert markdown_cells(markdown_table(nasty_sheet())) == expected
    assert Page(html_page(nasty_sheet())).rows == expected
    assert [line for line in latex_table(nasty_sheet()).splitlines() if line.endswith(r" \\")][1:] == [
        r"\texttt{a\textbar{}b} & a\textbar{}b \\",
        r"\texttt{\textless{}i\textgreater{}\&} & \textless{}i\textgreater{}\& \\",
        r"\texttt{50\% \_x\_} & 50\% \_x\_ \\",
        r"\texttt{\$y\$ \#1} & \$y\$ \#1 \\",
        r"\texttt{\{z\}\textasciitilde{}\textasciicircum{}} & \{z\}\textasciitilde{}\textasciicircum{} \\",
        r"\texttt{\textbackslash{}back} & \textbackslash{}back \\",
        r"\texttt{`tick`} & `tick` \\",
        r"\texttt{[link](x)} & [link](x) \\",
        r"\texttt{a*b*} & a*b* \\",
    ]


def test_latex_has_as_many_cells_in_each_line_as_columns_and_leaves_no_sign_open() -> None:
    text = Summary(graph_of(NASTY)).to_latex()
    body = [line for line in text.splitlines() if not line.startswith("%")]
    assert body[0] == r"\begin{tabular}{@{}lllrrrr@{}}"
    assert [body[1], body[3], *body[-2:]] == [r"\toprule", r"\midrule", r"\bottomrule", r"\end{tabular}"]
    rows = [line for line in body if line.endswith(r" \\")]
    assert len(rows) == 1 + 11
    for row in rows:
        assert len(re.findall(r"(?<!\\)&", row)) == 6
        bare = re.sub(r"\\[\\{}$&#_%]", "", row)
        assert bare.count("{") == bare.count("}")
        assert not re.search(r"[$#_%^~]", bare)
    assert r"\textbf{\texttt{stage.0-2}} & \textbf{unit x3} & \textbf{4x8x8} & \textbf{456}" in text


def test_a_table_longer_than_a_page_is_a_longtable() -> None:
    layers = "".join("  - relu\n" for _ in range(50))
    text = Summary(graph_of(f"cnnbuild: 1\nlayers:\n{layers}  - flatten\n  - linear: 3\n")).to_latex()
    assert r"\begin{longtable}" in text
    assert r"\endhead" in text
    assert r"\usepackage{booktabs,longtable}" in text


class Page(HTMLParser):
    """Checks that tags are closed in order, and gathers the cells of each row."""

    VOID = frozenset({"meta"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def test_html_holds_the_cells_of_the_sheet_and_refers_to_nothing_outside() -> None:
    summary = Summary(graph_of(NASTY))
    text = summary.to_html()
    page, sheet = Page(text), summary.sheet()
    assert page.rows[0] == [column.heading for column in sheet.columns]
    assert page.rows[1:] == [list(cells) for cells in zip(*(c.cells for c in sheet.columns), strict=True)]
    assert not [tag for tag, attributes in page.tags if {"src", "href", "data"} & set(attributes)]
    assert "http" not in text
    assert "@import" not in text
    assert "url(" not in text


def test_html_says_what_heads_a_column_and_what_heads_a_row() -> None:
    page = Page(Summary(graph_of(UNITS)).to_html())
    scopes = [attributes["scope"] for tag, attributes in page.tags if tag == "th"]
    assert scopes.count("row") == 11
    assert scopes.count("col") == len(page.rows[0])
    assert ("html", {"lang": "en"}) in page.tags


def test_a_notebook_gets_the_table_alone_without_a_script() -> None:
    text = Summary(graph_of(NASTY))._repr_html_()
    page = Page(text)
    assert page.tags[0][0] == "style"
    assert {"html", "body", "script", "button"} & {tag for tag, _ in page.tags} == set()
    assert len(page.rows) == 1 + 11
    style = text[: text.index("</style>")]
    assert re.findall(r"^([^ \n].*?)[ ,{]", style, re.MULTILINE)[1:] != []
    assert all(rule.startswith(".cnnbuild-table") for rule in re.findall(r"^(\S+) .*\{", style, re.MULTILINE))


def test_a_share_darkens_its_cell_relative_to_the_largest_of_a_plain_row() -> None:
    # of 62,220 MACs the three steps take 9,216 each, a stage's convolution as much, the stem 6,912
    page = Summary(graph_of(UNITS)).viewed(fold=False, columns=("layer", "macs%")).to_html()
    found = re.findall(r"<tr class=\"row\"><th[^>]*>([^<]*)</th><td[^>]*--share:([0-9.]+)", page)
    shares = {name: float(share) for name, share in found}
    assert shares["stem"] == 0.75  # 6,912 / 9,216
    assert shares["step"] == 1
    assert max(map(float, re.findall("--share:([0-9.]+)", page))) <= 1
