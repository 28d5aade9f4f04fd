"""The texts of `cnnbuild data`: the list of the data sets, and the card of one."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnnbuild.cli.terminal import text_width

if TYPE_CHECKING:
    from cnnbuild.data.card import DataCard
    from cnnbuild.data.catalogue import Entry

GAP = "  "
NAME_WIDTH = 13  # of a fact
NUMERIC = frozenset({"classes", "training", "validation", "test", "decoded", "total"})


def list_text(entries: Sequence[Entry], root: Path) -> str:
    """One line per data set."""
    rows = [("name", "image", "classes", "training", "test", "decoded", "here?")]
    rows += [
        (
            entry.name,
            _shape(entry.shape) if entry.shape is not None else "of its files",
            _number(entry.classes),
            _number(entry.train_images),
            _number(entry.test_images),
            bytes_text(entry.images_bytes) if entry.images_bytes is not None else "",
            _here(entry, root),
        )
        for entry in entries
    ]
    notes = (
        f"Data root: {root}",
        "`cnnbuild data NAME` shows one of them, and downloads it where it is not here.",
        "image_folder: '{image_folder: {path: DIR}}' with DIR/train/<class>/ and DIR/test/<class>/.",
    )
    return "\n".join([*_aligned(rows), "", *notes])


def card_text(card: DataCard) -> str:
    """The card: facts, warnings, and the counts of the classes."""
    total = [
        sum(counts) for counts in zip(*((c.train, c.validation, c.test) for c in card.classes), strict=True)
    ]
    facts = [
        ("images", f"{_shape(card.shape)}, {_classes(len(card.classes))}"),
        (
            "parts",
            f"{total[0]:,} training, {total[1]:,} validation (a tenth), {total[2]:,} test",
        ),
        ("mean", f"{_channels(card.mean)} of 255, of the images trained on"),
        ("deviation", f"{_channels(card.std)} of 255"),
        (
            "decoded",
            f"{bytes_text(card.images_bytes)}, {'in memory' if card.in_memory else 'read from files'}",
        ),
        ("chance", f"{100 * card.majority_share:.2f} % by always naming {_largest(card)}"),
        ("duplicates", _duplicates(card)),
        ("read from", card.where or "the library that brings it along"),
        ("form", card.form),
        ("fingerprint", card.fingerprint),
    ]
    lines = [card.label, ""]
    for name, fact in facts:
        text = f"{name:<{NAME_WIDTH}}{fact}"
        lines += textwrap.wrap(
            text,
            text_width(),
            subsequent_indent=" " * NAME_WIDTH,
            break_on_hyphens=False,
            break_long_words=False,
        )
    if card.warnings:
        lines += ["", *(f"warning: {warning}" for warning in card.warnings)]
    rows: list[tuple[str, ...]] = [("class", "training", "validation", "test")]
    rows += [(c.name, f"{c.train:,}", f"{c.validation:,}", f"{c.test:,}") for c in card.classes]
    rows.append(("total", *(f"{count:,}" for count in total)))
    return "\n".join([*lines, "", *_aligned(rows)])


def _largest(card: DataCard) -> str:
    """The largest class, or any where all have the same share."""
    return "one class" if len({of.test for of in card.classes}) == 1 else card.majority_class


def _classes(count: int) -> str:
    return "1 class" if count == 1 else f"{count} classes"


def _duplicates(card: DataCard) -> str:
    found = card.duplicates
    text = f"{found.test_in_train:,} test images are also training images"
    if found.with_other_label:
        text += f" ({found.with_other_label:,} of them with another label)"
    return f"{text}; {found.within_train:,} repeated within training, {found.within_test:,} within test"


def _here(entry: Entry, root: Path) -> str:
    if entry.built_in:
        return "always"
    if entry.where is not None:
        return f"yes: {entry.where.relative_to(root)}"
    return f"no: {bytes_text(entry.download_bytes)} to download" if entry.download_bytes is not None else ""


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows as columns; those of numbers are flush right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if rows[0][column] in NUMERIC else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(GAP.join(cells).rstrip())
    return lines


def _shape(shape: tuple[int, int, int]) -> str:
    return "x".join(map(str, shape))


def _number(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _channels(values: Sequence[float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)


def bytes_text(count: int) -> str:
    """A size in the decimal units that disks are sold in."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} bytes"
