"""A terminal as far as the live table uses one: what stands on it after some text was written to it."""

import io
import re

_PIECE = re.compile(r"\x1b\[(?P<parameters>[?\d;]*)(?P<command>[A-Za-z])|(?P<sign>[\s\S])")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Screen:
    """`lines` are those written so far, the scrolled ones included; `cursor_shown` as programs left it.

    Any sequence that this terminal does not know is an error.
    """

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines = [""]
        self.row = self.column = 0
        self.cursor_shown = True

    def feed(self, text: str) -> None:
        for piece in _PIECE.finditer(text):
            if piece["command"]:
                self._obey(piece["command"], piece["parameters"])
            elif piece["sign"] == "\n":  # the terminal's driver adds the return
                self._to_row(self.row + 1)
                self.column = 0
            elif piece["sign"] == "\r":
                self.column = 0
            else:
                self._put(piece["sign"])

    def _put(self, sign: str) -> None:
        if self.column == self.columns:
            self._to_row(self.row + 1)
            self.column = 0
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[: self.column] + sign + line[self.column + 1 :]
        self.column += 1

    def _to_row(self, row: int) -> None:
        self.row = row
        self.lines += [""] * (row + 1 - len(self.lines))

    def _obey(self, command: str, parameters: str) -> None:
        match command, parameters:
            case "K", "2":
                self.lines[self.row] = ""
            case "A", _:
                self.row = max(0, self.row - int(parameters or 1))
            case "l" | "h", "?25":
                self.cursor_shown = command == "h"
            case "m", _:
                pass
            case _:
                raise ValueError(f"unknown sequence {parameters}{command}")

    @property
    def text(self) -> str:
        """Everything that stands there, without the empty end."""
        return "\n".join(line.rstrip() for line in self.lines).rstrip()
