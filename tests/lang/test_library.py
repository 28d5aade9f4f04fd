"""Files of blocks and `uses`: which file is read, what is seen of it, and what is refused."""

import pytest

from cnnbuild.errors import DocumentError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import read_architecture
from cnnbuild.lang.library import MAX_FILES, is_library, read_library
from cnnbuild.lang.reader import parse_yaml

DATA = DataContract("data", 3, 8, 8, 10)
END = "  - flatten\n  - linear: $data.classes\n    name: head\n"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "pyproject.toml").touch()
    return tmp_path / "project"


def unit(name, *layers, params="out_channels: int"):
    given = f"    params: {{{params}}}\n" if params else ""
    body = "".join(f"      - {layer}\n" for layer in layers)
    return f"  {name}:\n{given}    layers:\n{body}"


CONV = "conv: {out_channels: $out_channels, kernel_size: 1}"


def library(*blocks, head=""):
    return f"cnnbuild: 1\n{head}blocks:\n{''.join(blocks)}"


def write(folder, **files):
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def graph(folder, uses, layers, head="", where="net.yaml"):
    path = folder / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"cnnbuild: 1\nuses: {uses}\n{head}layers:\n{layers}{END}", encoding="utf-8")
    return elaborate(read_architecture(path), DATA)


def screen(folder, *arguments, **options):
    with pytest.raises(DocumentError) as caught:
        graph(folder, *arguments, **options)
    return str(caught.value).replace(f"{folder}/", "")


def convs(found):
    return [
        (node.name, node.shape[0], node.layer.bias) for node in found.nodes if node.layer.type_name == "conv"
    ]


def test_paths_count_from_the_file_that_uses_and_reach_the_whole_project(project):
    write(project, blocks__a=library(unit("a", CONV)), shared__b=library(unit("b", CONV)))
    found = graph(
        project, "[../blocks/a.yaml, ../shared/b.yaml]", "  - a: 4\n  - b: 5\n", where="nets/net.yaml"
    )
    assert convs(found) == [("conv_1", 4, True), ("conv_2", 5, True)]


def test_a_used_file_sees_what_it_uses_itself_and_passes_none_of_it_on(project):
    write(
        project,
        blocks__outer=library(unit("outer", "inner: $out_channels"), head="uses: [deep/inner.yaml]\n"),
        blocks__deep__inner=library(unit("inner", CONV)),
    )
    assert convs(graph(project, "[blocks/outer.yaml]", "  - outer: 4\n")) == [("conv_1", 4, True)]
    assert "unknown layer type 'inner'" in screen(project, "[blocks/outer.yaml]", "  - inner: 4\n")


def test_two_files_may_use_a_third_and_it_is_read_once(project):
    write(
        project,
        a=library(unit("a", "c: $out_channels"), head="uses: [c.yaml]\n"),
        b=library(unit("b", "c: $out_channels"), head="uses: [./c.yaml]\n"),
        c=library(unit("c", CONV)),
    )
    assert convs(graph(project, "[a.yaml, b.yaml, c.yaml]", "  - a: 4\n  - b: 5\n  - c: 6\n")) == [
        ("conv_1", 4, True), ("conv_2", 5, True), ("conv_3", 6, True),
    ]  # fmt: skip


def test_the_defaults_of_each_file_act_on_its_own_nodes_only(project):
    write(project, lib=library(unit("plain", CONV), head="defaults: {conv: {bias: false}}\n"))
    own = "defaults: {conv: {padding: 1, init: {bias: ones}}}\n"
    found = graph(project, "[lib.yaml]", "  - plain: 4\n  - conv: {out_channels: 5, kernel_size: 3}\n", own)
    assert [(n.layer.bias, n.layer.padding, [w for w, _ in n.initial]) for n in found.nodes[:2]] == [
        (False, (0, 0), []),
        (True, (1, 1), ["bias"]),
    ]
    begun = library(unit("plain", CONV), head="defaults: {conv: {init: {weight: zeros}}}\n")
    write(project, lib=begun)
    found = graph(project, "[lib.yaml]", "  - plain: 4\n  - conv: {out_channels: 5, kernel_size: 1}\n")
    assert [[(w, i.word) for w, i in n.initial] for n in found.nodes[:2]] == [[("weight", "zeros")], []]


def test_a_used_block_sees_its_parameters_the_data_and_its_input_but_no_variables(project):
    body = "conv: {out_channels: $(data.classes + in.channels + block.channels + i + n), kernel_size: 1}"
    write(project, lib=library(unit("mine", body, params="n: 0")))
    found = graph(project, "[lib.yaml]", "  - mine: {n: $k}\n    repeat: 2\n", "vars: {k: 1}\n")
    assert [shape for _, shape, _ in convs(found)] == [10 + 3 + 3 + 0 + 1, 10 + 17 + 17 + 1 + 1]
    write(project, lib=library(unit("mine", "conv: {out_channels: $k, kernel_size: 1}", params="")))
    layers = "  - mine\n  - conv: {out_channels: $k, kernel_size: 1}\n"
    assert screen(project, "[lib.yaml]", layers, "vars: {k: 1}\n") == (
        "lib.yaml:5:31: error: unknown name 'k'\n"
        "    5 |       - conv: {out_channels: $k, kernel_size: 1}\n"
        "      |                               ^\n"
        "      = in block 'mine', called at line 5 of net.yaml\n"
        "      = help: a block sees only its parameters: add one to `params:` and pass the variable in the call"
    )


def test_a_file_may_shadow_a_standard_block_for_itself_alone(project):
    write(project, lib=library(unit("stage", "basic: $out_channels")))
    own = "blocks:\n" + unit("basic", CONV)
    found = graph(project, "[lib.yaml]", "  - basic: 4\n  - stage: 4\n", own)
    assert [node.layer.type_name for node in found.nodes[:3]] == ["conv", "conv", "batch_norm"]
    write(project, lib=library(unit("basic", CONV)))
    assert convs(graph(project, "[lib.yaml]", "  - basic: 4\n")) == [("conv_1", 4, True)]


@pytest.mark.parametrize("where", ["[a.yaml, b.yaml]", "[a.yaml]"])
def test_one_name_for_two_blocks_is_refused(project, where):
    write(project, a=library(unit("twin", CONV)), b=library(unit("twin", CONV)))
    own = "" if "b.yaml" in where else "blocks:\n" + unit("twin", CONV)
    shown = screen(project, where, "  - twin: 4\n", own)
    if own:
        assert "net.yaml:4:3: error: the block 'twin' is in the used file 'a.yaml' too\n" in shown
    else:
        assert "net.yaml:2:16: error: the block 'twin' is in this file and in 'a.yaml'\n" in shown


def test_files_that_use_each_other_are_refused_and_so_is_a_file_that_uses_itself(project):
    write(
        project,
        a=library(unit("a", "b: 4", params=""), head="uses: [b.yaml]\n"),
        b=library(unit("b", CONV), head="uses: [a.yaml]\n"),
        c=library(unit("c", CONV), head="uses: [./c.yaml]\n"),
    )
    assert "b.yaml:2:8: error: 'a.yaml' uses this file in turn\n" in screen(project, "[a.yaml]", "  - a\n")
    assert "c.yaml:2:8: error: './c.yaml' uses this file in turn\n" in screen(
        project, "[c.yaml]", "  - c: 4\n"
    )


def test_blocks_of_two_files_cannot_call_each_other_in_a_circle(project):
    write(project, a=library(unit("a", "$unit: {unit: $unit}", params="unit: layer")))
    own = "blocks:\n" + unit("mine", "a: $unit", params="unit: layer")
    shown = screen(project, "[a.yaml]", "  - a: mine\n", own)
    assert "the block 'a' calls itself: a -> mine -> a" in shown


@pytest.mark.parametrize("path", ["../outside.yaml", "link.yaml", "folder/outside.yaml"])
def test_what_lies_outside_the_project_is_not_read(project, path):
    write(project.parent, outside=library(unit("a", CONV)))
    (project / "link.yaml").symlink_to(project.parent / "outside.yaml")
    (project / "folder").symlink_to(project.parent)
    assert screen(project, f"[{path}]", "  - a: 4\n") == (
        f"net.yaml:2:8: error: '{path}' lies outside the project\n"
        f"    2 | uses: [{path}]\n"
        f"      |        {'^' * len(path)}\n"
        "      = help: a file may use what lies under its own folder, or under the folder that holds "
        "pyproject.toml or .git"
    )


def test_without_a_project_a_file_uses_what_lies_under_its_own_folder(tmp_path):
    if any((folder / mark).exists() for folder in tmp_path.parents for mark in ("pyproject.toml", ".git")):
        pytest.skip("the temporary folder lies in a project")
    write(tmp_path, nets__blocks__a=library(unit("a", CONV)), b=library(unit("b", CONV)))
    assert convs(graph(tmp_path, "[blocks/a.yaml]", "  - a: 4\n", where="nets/net.yaml")) == [
        ("conv_1", 4, True)
    ]
    assert "'../b.yaml' lies outside the project" in screen(
        tmp_path, "[../b.yaml]", "  - b: 4\n", where="nets/net.yaml"
    )
    (tmp_path / ".git").mkdir()
    assert convs(graph(tmp_path, "[../b.yaml]", "  - b: 4\n", where="nets/net.yaml")) == [("conv_1", 4, True)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cnnbuild: 1\nlayers: [relu]\n", "2:1: error: this file is a network, not a file of blocks"),
        ("cnnbuild: 1\nstudy: s\n", "2:1: error: this file is a study, not a file of blocks"),
        ("[1]\n", "1:1: error: a file of blocks is a mapping, not a list"),
        ("cnnbuild: 1\nname: x\n", "1:1: error: a file of blocks needs `blocks:`"),
        (
            "cnnbuild: 9\nblocks:\n" + unit("a", CONV),
            "1:11: error: this version of cnnbuild reads format 1, not the number 9",
        ),
        ("cnnbuild: 1\nblocks: {a: {layers: [relu}}\n", "2:"),
    ],
)
def test_what_is_no_file_of_blocks_is_shown_at_its_own_place_and_once(project, text, message):
    write(project, lib=text)
    shown = screen(project, "[lib.yaml]", "  - a: 4\n  - a: 5\n")
    assert shown.count("error:") == 1  # the calls of its blocks stay silent
    assert shown.startswith(f"lib.yaml:{message}")


def test_a_fault_inside_a_used_block_tells_the_way_there(project):
    write(
        project,
        outer=library(unit("outer", "inner: {size: $out_channels}"), head="uses: [inner.yaml]\n"),
        inner=library(
            unit("inner", "relu", "conv: {out_channels: $size, kernel_size: 9}", params="size: int")
        ),
    )
    assert screen(project, "[outer.yaml]", "  - outer: 4\n    repeat: 2\n") == (
        "inner.yaml:7:50: error: conv: a kernel of 9x9 does not fit into (3, 8, 8)\n"
        "    7 |       - conv: {out_channels: $size, kernel_size: 9}\n"
        "      |                                                  ^\n"
        "      = (3, 8, 8) comes from '0.relu_1', line 6 of inner.yaml\n"
        "      = in block 'inner', called at line 7 of outer.yaml\n"
        "      = in block 'outer', called at line 4 of net.yaml, copy 0\n"
        "      = help: add `padding: half`, use a smaller kernel, or fewer strides and pools before it"
    )


def test_more_files_than_any_project_needs_are_refused(project):
    for number in range(MAX_FILES + 1):
        write(project, **{f"lib{number}": library(unit(f"unit{number}", CONV))})
    listed = ", ".join(f"lib{number}.yaml" for number in range(MAX_FILES + 1))
    assert f"error: more than {MAX_FILES} files are used" in screen(project, f"[{listed}]", "  - unit0: 4\n")


def test_a_file_of_blocks_is_told_from_the_other_kinds(project):
    assert is_library(parse_yaml(library(unit("a", CONV)), "a.yaml"))
    assert not is_library(parse_yaml("cnnbuild: 1\nblocks: {a: {layers: [relu]}}\nlayers: [a]\n", "a.yaml"))
    write(project, lib=library(unit("a", CONV), head="description: some\nsource: me\n"))
    found = read_library(project / "lib.yaml")
    assert (found.description, found.source, list(found.scope.blocks), found.faults) == (
        "some",
        "me",
        ["a"],
        (),
    )
