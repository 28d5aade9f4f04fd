"""The schemas at work in the language server that editors use.

It runs where `yaml-language-server` is on the path or named by $YAML_LANGUAGE_SERVER; `-m exhaustive` fetches
it with npm, into pytest's cache.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnbuild.layers.registry import standard_registry
from cnnbuild.layers.schemas.architectures import architecture_schema
from cnnbuild.layers.schemas.studies import study_schema
from tests.layers.language_server import VARIABLE, Client, found_server, installed_server

HEAD = "cnnbuild: 1\nlayers:\n"
OWN = HEAD + "  - stack: 8\nblocks:\n  stack: {params: {width: int}, layers: [relu]}\n"


@pytest.fixture(scope="module", params=["found", pytest.param("npm", marks=pytest.mark.exhaustive)])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    server = found_server()
    if request.param == "npm":
        if shutil.which("npm") is None:
            pytest.skip("npm is not on the path")
        server = installed_server(request.config.cache.mkdir("yaml_language_server"))
    if server is None:
        pytest.skip(f"yaml-language-server is not on the path, and ${VARIABLE} does not name it")
    with Client(server, tmp_path_factory.mktemp("documents")) as opened:
        yield opened


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("schemas") / "architecture.json"
    file.write_text(json.dumps(architecture_schema(standard_registry())), encoding="utf-8")
    return file


def test_layer_types_are_offered_with_what_they_need(client: Client, schema: Path) -> None:
    offered = client.completions(HEAD + "  - |", schema)
    assert offered["conv"] == "conv:\n  out_channels: $1\n  kernel_size: $2"
    assert offered["relu"] == "relu"
    assert offered["linear"] == "linear: "
    assert offered["residual"] == "residual:\n    body:\n      -"
    assert offered["concat"] == "concat:\n  - prev\n  - "
    assert set(standard_registry().words) <= set(offered)
    assert client.completions(HEAD + "  - rel|", schema)["relu"] == "relu"


def test_parameters_are_offered_with_their_defaults(client: Client, schema: Path) -> None:
    offered = client.completions(HEAD + "  - conv: {o|}", schema)
    assert set(offered) >= {
        "out_channels",
        "kernel_size",
        "stride",
        "padding",
        "groups",
        "bias",
        "padding_mode",
    }
    offered = client.completions(HEAD + "  - conv:\n      |", schema)
    assert offered["stride"] == "stride: ${1:1}"
    assert offered["bias"] == "bias: ${1:true}"
    assert "name" not in offered


def test_words_are_offered_as_values(client: Client, schema: Path) -> None:
    node = "  - conv: {out_channels: 8, kernel_size: 3, padding_mode: |}"
    assert list(client.completions(HEAD + node, schema))[:4] == ["zeros", "reflect", "replicate", "circular"]
    residual = "  - residual: {body: [relu], shortcut: |}"
    assert list(client.completions(HEAD + residual, schema))[:4] == [
        "identity",
        "projection",
        "zero_pad",
        "none",
    ]
    init = "  - conv: {out_channels: 8, kernel_size: 3}\n    init: {weight: |}"
    assert "kaiming_normal" in client.completions(HEAD + init, schema)


def test_a_type_tells_what_it_is(client: Client, schema: Path) -> None:
    told = client.hover(HEAD + "  - co|nv: {out_channels: 8, kernel_size: 3}", schema)
    assert told.startswith(
        "A convolution: `torch.nn.Conv2d`, with its defaults.\n\nShapes: (C, H, W) to (out, H', W')"
    )
    assert "`conv(out_channels, kernel_size, stride=1, padding=0," in told
    assert client.hover(HEAD + "  - re|lu", schema).startswith("max(0, x)")


def test_a_parameter_tells_what_it_is(client: Client, schema: Path) -> None:
    told = client.hover(HEAD + "  - conv: {out_channels: 8, kernel_size: 3, str|ide: 2}", schema)
    assert told.startswith("Pixels from one window to the next")
    assert "Default: \\`1\\`" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("  - conv: {out_channels: 8, kernel_sise: 3}", (3, 29, "Property kernel_sise is not allowed.")),
        ("  - conv: {out_channels: 8}", (3, 5, 'Missing property "kernel_size".')),
        ("  - conv", (3, 5, "This needs parameters: write `type: {parameter: value}`.")),
        ("  - relu:\n    nmae: act", (4, 5, "Property nmae is not allowed.")),
        ("  - conv: 8\n    repeat: 2\n    first: {strid: 2}", (5, 13, "Property strid is not allowed.")),
    ],
)
def test_a_mistake_is_underlined(client: Client, schema: Path, text: str, told: tuple[int, int, str]) -> None:
    assert told in client.diagnostics(HEAD + text, schema)


def test_a_sound_file_has_no_diagnostics(client: Client, schema: Path) -> None:
    folder = Path(__file__).parents[2] / "architectures"
    files = sorted([*folder.glob("*.yaml"), *folder.glob("zoo/*.yaml")])
    assert len(files) >= 5
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert [m for m in client.diagnostics(text, schema) if "flow" not in m[2].lower()] == [], file


def test_a_schema_for_a_file_offers_its_blocks_and_underlines_other_words(
    client: Client, tmp_path: Path
) -> None:
    file, schema = tmp_path / "net.yaml", tmp_path / "own.json"
    file.write_text(OWN, encoding="utf-8")
    schema.write_text(json.dumps(architecture_schema(standard_registry(), file=file)), encoding="utf-8")
    assert "stack" in client.completions(HEAD + "  - |", schema)
    assert (3, 5, "Property covn is not allowed.") in client.diagnostics(
        HEAD + "  - covn: {out_channels: 8}", schema
    )


def test_studies_are_completed_too(client: Client, tmp_path: Path) -> None:
    schema = tmp_path / "study.json"
    schema.write_text(json.dumps(study_schema()), encoding="utf-8")
    offered = client.completions("cnnbuild: 1\nstudy: a\ntrain:\n  optimizer: |", schema)
    assert list(offered) == ["sgd", "adam", "adamw"]
    assert client.completions("cnnbuild: 1\nstudy: a\ntrain:\n  |", schema)["epochs"] == "epochs: ${1:10}"


def test_the_transcript_in_the_documentation_is_what_the_server_answers(client: Client, schema: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "editor.md").read_text(encoding="utf-8")
    offered = client.completions(HEAD + "  - |", schema)
    inside = client.completions(HEAD + "  - conv: {out_channels: 8, k|}", schema)
    values = client.completions(HEAD + "  - residual: {body: [relu], shortcut: |}", schema)
    told = client.hover(HEAD + "  - linear: 10\n  - max_p|ool: 2", schema)
    found = client.diagnostics(HEAD + "  - conv: {out_channels: 8, kernel_sise: 3}", schema)
    lines = [
        "complete   - |",
        *(
            f"  {word:<12} inserts  {json.dumps(offered[word])}"
            for word in ("conv", "linear", "relu", "concat")
        ),
        "complete   - conv: {out_channels: 8, k|}",
        *(f"  {word:<12} inserts  {json.dumps(inside[word])}" for word in ("kernel_size", "stride", "bias")),
        "complete   - residual: {body: [relu], shortcut: |}",
        "  " + ", ".join(list(values)[:4]),
        "hover      - max_p|ool: 2",
        *(f"  {line}".rstrip() for line in told.split("\n\n- ")[0].split("\n")),
        "underline  - conv: {out_channels: 8, kernel_sise: 3}",
        *(f"  line {line}, column {column}: {message}" for line, column, message in found),
    ]
    assert "```text\n" + "\n".join(lines) + "\n```\n" in page
