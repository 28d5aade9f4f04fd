"""A client of the YAML language server, speaking the Language Server Protocol over its standard streams."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from pathlib import Path
from types import TracebackType

VERSION = "1.25.0"
PATIENCE_SECONDS = 60.0
VARIABLE = "YAML_LANGUAGE_SERVER"


def found_server() -> str | None:
    """The server that the environment names, or one on the path."""
    return os.environ.get(VARIABLE) or shutil.which("yaml-language-server")


def installed_server(folder: Path) -> str:
    """The server, fetched by npm into a folder unless it is there already."""
    server = folder / "node_modules" / ".bin" / "yaml-language-server"
    if not server.exists():
        package = f"yaml-language-server@{VERSION}"
        subprocess.run(
            ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", package],
            check=True, capture_output=True, timeout=300,
        )  # fmt: skip
    return str(server)


class Client:
    """One conversation; documents are texts with a `|` where the cursor is."""

    def __init__(self, server: str, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.published: dict[str, list[dict]] = {}
        self.process = subprocess.Popen([server, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.watchdog = threading.Timer(PATIENCE_SECONDS, self.process.kill)
        self.watchdog.start()

    def __enter__(self) -> Client:
        item = {"snippetSupport": True, "documentationFormat": ["markdown"]}
        abilities = {"completion": {"completionItem": item}, "hover": {"contentFormat": ["markdown"]}}
        asked = {"processId": None, "rootUri": None, "capabilities": {"textDocument": abilities}}
        self.request("initialize", asked)
        self.notify("initialized", {})
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.watchdog.cancel()
        self.process.kill()
        self.process.communicate()

    def completions(self, text: str, schema: Path) -> dict[str, str]:
        """What is offered at the cursor: labels, and what each would insert."""
        items = self._at_cursor("completion", text, schema)["items"]
        return {
            item["label"]: item.get("textEdit", {}).get("newText") or item["insertText"] for item in items
        }

    def hover(self, text: str, schema: Path) -> str:
        """What is told of the word under the cursor."""
        return self._at_cursor("hover", text, schema)["contents"]["value"]

    def diagnostics(self, text: str, schema: Path) -> list[tuple[int, int, str]]:
        """Line and column, from 1 and without the line that names the schema, and message."""
        starts = [
            (found["range"]["start"], found["message"]) for found in self.published[self._open(text, schema)]
        ]
        return [(start["line"], start["character"] + 1, message) for start, message in starts]

    def _at_cursor(self, what: str, text: str, schema: Path) -> dict:
        before, _, after = text.partition("|")
        uri = self._open(before + after, schema)
        lines = before.split("\n")
        position = {"line": len(lines), "character": len(lines[-1])}
        return self.request(f"textDocument/{what}", {"textDocument": {"uri": uri}, "position": position})

    def _open(self, text: str, schema: Path) -> str:
        self.count += 1
        uri = (self.folder / f"document_{self.count}.yaml").as_uri()
        whole = f"# yaml-language-server: $schema={schema.as_uri()}\n{text}"
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": whole}
        self.notify("textDocument/didOpen", {"textDocument": document})
        while uri not in self.published:
            self._receive()
        return uri

    def notify(self, method: str, parameters: object) -> None:
        self._send({"method": method, "params": parameters})

    def request(self, method: str, parameters: object) -> dict:
        self.count += 1
        number = self.count
        self._send({"id": number, "method": method, "params": parameters})
        while True:
            message = self._receive()
            if message.get("id") == number and "method" not in message:
                return message["result"]

    def _send(self, message: dict[str, object]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.process.stdin.flush()

    def _receive(self) -> dict:
        length = 0
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if not length:
            raise ConnectionError("the language server ended, or was silent for too long")
        message = json.loads(self.process.stdout.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            self.published[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "method" in message and "id" in message:  # a question to the editor, which has no settings
            self._send({"id": message["id"], "result": None})
        return message
