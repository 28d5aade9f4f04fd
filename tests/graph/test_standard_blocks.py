"""Standard blocks: in scope everywhere, and their faults and warnings shown at the reader's own line."""

import pytest

from cnnbuild.layers import standard_blocks
from cnnbuild.layers.standard_blocks import standard_block, standard_block_file, standard_block_names
from tests.graph.small_networks import build, screen

STEM = "  - conv: {out_channels: 4, kernel_size: 1}\n    name: stem\n"
SHELF = {
    "shelf": "      - case: {size: $size, unit: $unit}\n",
    "case": "      - $unit\n      - conv: {out_channels: 2, kernel_size: $size}\n",
    "edge": "      - $unit\n      - conv: {out_channels: 2, kernel_size: $size}\n",
    "held": "      - case: {size: 1, unit: {conv: {out_channels: 2, kernel_size: $size}}}\n",
    "quiet": "      - relu:\n        repeat: $(size - 1)\n      - case:\n          size: 1\n          unit: $unit\n        repeat: $(size - 1)\n        first: {size: 1}\n",
}


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Standard blocks of the test's own, which call each other."""
    for name, layers in SHELF.items():
        (tmp_path / f"{name}.yaml").write_text(
            "cnnbuild: 1\ndefaults: {conv: {bias: false, init: {bias: zeros}}}\n"
            f"blocks:\n  {name}:\n    params: {{size: int, unit: {{type: layer, default: relu}}}}\n    layers:\n{layers}",
            encoding="utf-8",
        )
    monkeypatch.setattr(standard_blocks, "FOLDER", tmp_path)
    caches = (standard_block_names, standard_block)
    for cached in caches:
        cached.cache_clear()
    yield
    monkeypatch.undo()
    for cached in caches:
        cached.cache_clear()


def test_every_standard_block_is_sound_and_called_like_its_file():
    assert "basic" in standard_block_names()
    for name in standard_block_names():
        library = standard_block(name)
        assert library.faults == ()
        assert name in library.scope.blocks
        assert standard_block_file(name).is_file()


def test_a_fault_inside_is_shown_at_the_call_with_the_blocks_line(shelf):
    assert screen("  - case: 9\n") == (
        "net.yaml:3:5: error: conv: a kernel of 9x9 does not fit into (3, 8, 8)\n"
        "    3 |   - case: 9\n"
        "      |     ^^^^\n"
        "      = from `- conv: {out_channels: 2, kernel_size: $size}`, line 8 of cnnbuild/layers/library/case.yaml\n"
        "      = size is 9 (line 3)\n"
        "      = (3, 8, 8) comes from 'relu_1', line 3\n"
        "      = in block 'case', called at line 3\n"
        "      = help: add `padding: half`, use a smaller kernel, or fewer strides and pools before it"
    )


def test_a_standard_block_inside_another_is_shown_at_the_readers_line_too(shelf):
    text = screen("  - shelf: 9\n    repeat: 2\n  - shelf: 9\n    from: prev\n")
    assert text.count("error:") == 1  # the second call stands behind the first, whose output is unknown
    assert text.startswith("net.yaml:3:5: error: conv: a kernel of 9x9 does not fit into (3, 8, 8)\n")
    two = screen(STEM + "  - shelf: 9\n    from: stem\n  - shelf: 9\n    from: stem\n    name: x\n")
    assert two.count("error:") == 2  # once per call
    assert "net.yaml:5:5: " in two
    assert "net.yaml:7:5: " in two


def test_a_layer_that_one_standard_block_hands_to_another_is_shown_at_the_readers_line(shelf):
    text = screen("  - held: 9\n")
    assert text.startswith("net.yaml:3:5: error: conv: a kernel of 9x9 does not fit into (3, 8, 8)\n")
    assert "line 7 of cnnbuild/layers/library/held.yaml\n" in text


def test_a_layer_of_the_readers_own_is_shown_where_it_was_written(shelf):
    text = screen("  - shelf: {size: 1, unit: {conv: {out_channels: 4, kernel_size: 9}}}\n")
    assert text.startswith("net.yaml:3:66: error: conv: a kernel of 9x9 does not fit into (3, 8, 8)\n")


def test_a_block_of_the_readers_own_that_a_standard_one_applies_is_shown_in_the_readers_file(shelf):
    own = "blocks:\n  mine:\n    layers:\n      - edge: 9\n"
    text = screen("  - shelf: {size: 1, unit: mine}\n", own)
    assert text.startswith("net.yaml:5:9: error: conv: a kernel of 9x9 does not fit into (3, 8, 8)\n")


def test_what_a_standard_block_leaves_idle_is_no_warning_to_its_reader(shelf):
    graph = build("  - quiet: 1\n  - case: 1\n")
    assert graph.warnings == ()


def test_loose_ends_and_the_sources_of_shapes_stand_at_the_readers_line():
    text = screen(STEM + "  - basic: 4\n    name: lost\n  - relu:\n    from: stem\n")
    assert text == (
        "net.yaml:5:5: error: nobody uses the output of 'lost.relu_2'\n"
        "    5 |   - basic: 4\n"
        "      |     ^^^^^\n"
        "      = in block 'basic', called at line 5\n"
        "      = help: refer to it with `from:` or a join, or remove it"
    )
    other = screen(STEM + "  - basic: 4\n    name: x\n  - basic: 8\n  - add: [prev, x]\n")
    assert "(4, 8, 8) comes from 'x.relu_2', line 5\n" in other
    assert "(8, 8, 8) comes from 'relu_2', line 7\n" in other


def test_the_files_own_defaults_do_not_touch_a_standard_block():
    plain, changed = (
        build(STEM + "  - basic: 8\n", head)
        for head in ("", "defaults: {batch_norm: {eps: 0.5}, conv: {bias: true}}\n")
    )
    inside = [node for node in changed.nodes if node.layer.type_name == "batch_norm"]
    assert {node.layer.eps for node in inside} == {1e-5}
    assert changed.parameters == plain.parameters
