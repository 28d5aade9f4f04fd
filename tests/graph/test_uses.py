"""Words and layers that a file hands to another file's blocks: they mean what they mean where they were written."""

import pytest

from cnnbuild.errors import DocumentError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import read_architecture

DATA = DataContract("data", 3, 8, 8, 10)

LIBRARY = """\
cnnbuild: 1
defaults: {conv: {bias: false}}
blocks:
  stack:
    params: {unit: {type: layer, default: plain}, depth: 1}
    layers:
      - $unit: 4
        repeat: $depth
  passed:
    params: {unit: layer}
    layers:
      - stack: {unit: $unit}
      - stack
  text:
    params: {unit: plain}
    layers:
      - $unit: 5
  listed:
    params: {units: [plain]}
    layers:
      - foreach: {unit: $units}
        do:
          - $unit: 6
      - $(units[0]): 7
  tested:
    params: {unit: layer}
    layers:
      - $unit: 4
        when: $(unit == 'mine')
      - $(unit if unit == 'mine' else 'plain'): 8
  held:
    params: {norm: layer}
    layers:
      - $norm
  plain:
    params: {out_channels: int}
    layers:
      - conv: {out_channels: $out_channels, kernel_size: 1}
"""
OWN = """\
vars: {chosen: mine}
blocks:
  mine:
    params: {out_channels: int}
    layers:
      - conv: {out_channels: $(out_channels * 10), kernel_size: 1}
  apply:
    params: {unit: layer}
    layers:
      - $unit: 3
"""


def graph(folder, layers, own=OWN, library=LIBRARY):
    (folder / "lib.yaml").write_text(library, encoding="utf-8")
    (folder / "net.yaml").write_text(
        f"cnnbuild: 1\nuses: [lib.yaml]\n{own}layers:\n{layers}  - flatten\n  - linear: $data.classes\n",
        encoding="utf-8",
    )
    return elaborate(read_architecture(folder / "net.yaml"), DATA)


def channels(*arguments):
    """Output channels of each convolution; negative where it has a bias, as only the network's own have."""
    nodes = (node for node in graph(*arguments).nodes if node.layer.type_name == "conv")
    return [-node.shape[0] if node.layer.bias else node.shape[0] for node in nodes]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("stack", [4]),
        ("stack: {unit: mine}", [-40]),
        ("stack: {unit: $chosen}", [-40]),
        ("stack: {unit: $('mi' + 'ne'), depth: 2}", [-40, -40]),
        ("passed: mine", [-40, 4]),
        ("text", [5]),
        ("text: {unit: mine}", [-50]),
        ("listed", [6, 7]),
        ("listed: {units: [mine, plain]}", [-60, 6, -70]),
        ("tested: mine", [-40, -80]),
        ("tested: plain", [8]),
        ("apply: plain", [3]),
        ("apply: mine", [-30]),
        ("stack: {unit: {mine: 2}}", None),
    ],
)
def test_a_word_that_a_call_gives_is_looked_up_in_the_callers_file(call, expected, tmp_path):
    if expected is None:  # a layer with its own parameters takes no more
        with pytest.raises(DocumentError, match="'\\$unit' holds a layer with its own parameters here"):
            channels(tmp_path, f"  - {call}\n")
        return
    assert channels(tmp_path, f"  - {call}\n") == expected


def test_the_name_of_the_files_own_block_wins_over_one_that_the_library_sees(tmp_path):
    inner = "cnnbuild: 1\nblocks:\n  mine:\n    params: {out_channels: int}\n    layers: [relu]\n"
    (tmp_path / "inner.yaml").write_text(inner, encoding="utf-8")
    library = LIBRARY.replace("defaults:", "uses: [inner.yaml]\ndefaults:")
    assert channels(tmp_path, "  - stack: {unit: mine}\n", OWN, library) == [-40]
    default = library.replace("default: plain", "default: mine")
    assert channels(tmp_path, "  - stack\n", OWN, default) == []  # the library's own default: relu


def test_a_mapping_is_applied_with_the_defaults_of_its_own_file(tmp_path):
    found = channels(tmp_path, "  - held: {norm: {conv: {out_channels: 9, kernel_size: 1}}}\n")
    assert found == [-9]


def test_a_word_that_names_nothing_is_compared_with_what_the_caller_sees(tmp_path):
    with pytest.raises(DocumentError) as caught:
        graph(tmp_path, "  - stack: {unit: mien}\n")
    assert str(caught.value).replace(f"{tmp_path}/", "") == (
        "lib.yaml:7:9: error: unknown layer type 'mien'\n"
        "    7 |       - $unit: 4\n"
        "      |         ^^^^^\n"
        "      = unit is 'mien' (line 14 of net.yaml)\n"
        "      = in block 'stack', called at line 14 of net.yaml\n"
        "      = help: did you mean 'mine'?"
    )


def test_a_given_word_is_plain_text_to_a_layer(tmp_path):
    library = "cnnbuild: 1\nblocks:\n  norm:\n    params: {over: str}\n    layers:\n      - layer_norm: {over: $over}\n"
    found = graph(tmp_path, "  - norm: all\n", "", library)
    assert type(found.nodes[0].layer.over) is str
    assert found.nodes[0].layer.model_dump() == {**found.nodes[0].layer.model_dump(), "over": "all"}
