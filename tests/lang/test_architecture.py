"""The architecture document: its sections as written, and the faults of form that it keeps."""

from pathlib import Path

import pytest

from cnnbuild.errors import DocumentError, UsageError
from cnnbuild.lang.architecture import parse_architecture, read_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.source import YamlScalar

LAYERS = "layers: [flatten, {linear: $data.classes}]\n"


def document(text):
    parsed = parse_architecture(parse_yaml("cnnbuild: 1\n" + text, "net.yaml"), default_name="net")
    assert parsed.faults == ()
    return parsed


def faults(text):
    parsed = parse_architecture(parse_yaml("cnnbuild: 1\n" + text, "net.yaml"))
    return [(p.place.line, p.place.column, p.message) for p in parsed.faults]


def test_texts_are_kept_as_written_and_the_file_names_a_nameless_one():
    assert document(LAYERS).name == "net"
    parsed = document(f"name: 10\ndescription: 'a b'\nsource: 1.50\n{LAYERS}")
    assert (parsed.name, parsed.description, parsed.source) == ("10", "a b", "1.50")


def test_the_shipped_architectures_have_no_faults_of_form():
    folder = Path(__file__).parents[2] / "architectures"
    paths = sorted([*folder.glob("*.yaml"), *folder.glob("zoo/*.yaml")])
    assert len(paths) >= 5
    for path in paths:
        parsed = read_architecture(path)
        assert parsed.faults == ()
        assert parsed.name == path.stem
        assert parsed.file == str(path)
        assert parsed.expectations


def test_expectations_are_read_with_their_places():
    parsed = document(
        f"vars: {{width: 8}}\nvariants: {{small: {{width: 4}}}}\n{LAYERS}"
        "expect:\n"
        "  - {variant: small, input: [3, 32, 32], classes: 10, parameters: 30730, macs: 30720}\n"
        "  - {input: [1, 28, 28.0], classes: 5, vars: {width: 2}}\n"
    )
    (first, place), (second, _) = parsed.expectations
    assert (first.variant, first.input, first.classes) == ("small", (3, 32, 32), 10)
    assert (first.parameters, first.macs) == (30730, 30720)
    assert (second.variant, second.input, second.parameters) == (None, (1, 28, 28), None)
    width = second.vars["width"]
    assert isinstance(width, YamlScalar)
    assert (width.value, width.place.line, width.place.column) == (2, 7, 54)
    assert (place.line, place.column) == (6, 5)


def test_the_parameters_of_a_block_have_the_type_that_is_written_or_that_of_their_default():
    parsed = document(
        "blocks:\n  b:\n    params: {a: int, b: float, c: bool, d: str, e: layer, f: list, g: 3, h: 0.5, i2: true,\n"
        "      j: word, k: [1], l: {type: layer, default: relu}, m: 'int', n: {type: int, default: 2}}\n"
        f"    layers: [relu]\n{LAYERS}"
    )
    kinds = {name: (p.kind, p.default is None) for name, p in parsed.scope.blocks["b"].parameters.items()}
    assert kinds == {
        "a": ("int", True), "b": ("float", True), "c": ("bool", True), "d": ("str", True), "e": ("layer", True),
        "f": ("list", True), "g": ("int", False), "h": ("float", False), "i2": ("bool", False), "j": ("str", False),
        "k": ("list", False), "l": ("layer", False), "m": ("str", False), "n": ("int", False),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "primary"),
    [
        ("{a: int}", "a"),
        ("{a: int, b: 1}", "a"),
        ("{b: 1, a: int}", "a"),
        ("{a: int, b: int}", None),
        ("{a: 1}", None),
    ],
)
def test_the_primary_parameter_is_the_only_required_one(parameters, primary):
    parsed = document(f"blocks: {{b: {{params: {parameters}, layers: [relu]}}}}\n{LAYERS}")
    assert parsed.scope.blocks["b"].primary == primary


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("layers: relu\n", [(2, 9, "the architecture is a list of layers, not the text 'relu'")]),
        ("name: [a]\n" + LAYERS, [(2, 7, "'name' is a text, not a list")]),
        ("name:\n" + LAYERS, [(2, 6, "'name' is a text, not nothing")]),
        ("vars: [a]\n" + LAYERS, [(2, 7, "'vars' is a mapping, not a list")]),
        ("blocks: 3\n" + LAYERS, [(2, 9, "'blocks' is a mapping, not the number 3")]),
        ("expect: {a: 1}\n" + LAYERS, [(2, 9, "'expect' is a list, not a mapping")]),
        ("expect: [3]\n" + LAYERS, [(2, 10, "an entry of 'expect' is a mapping, not the number 3")]),
        ("expect: [{input: [3, x, 32], classes: 1}]\n" + LAYERS,
         [(2, 22, "item 2 of 'input' of an entry of 'expect': expected a whole number, not the text 'x'")]),
        ("expect: [{input: [3, 32], classes: 1}]\n" + LAYERS,
         [(2, 18, "'input' of an entry of 'expect': expected more items, not only 2")]),
        ("variants: {a: {b: 1}}\n" + LAYERS, [(2, 16, "the variant 'a' sets an unknown variable 'b'")]),
        ("lr: 0.1\n" + LAYERS, [(2, 1, "unknown key 'lr' in the architecture")]),
        ("uses: {}\n" + LAYERS, [(2, 7, "'uses' is a list of files, not a mapping")]),
    ],
)  # fmt: skip
def test_faults_of_form_are_kept_in_the_document(text, found):
    assert faults(text) == found


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("cnnbuild: 2", "this version of cnnbuild reads format 1, not the number 2"),
        ("cnnbuild: one", "this version of cnnbuild reads format 1, not the text 'one'"),
        ("cnnbuild: true", "this version of cnnbuild reads format 1, not true"),
        ("cnnbuild: [1]", "this version of cnnbuild reads format 1, not a list"),
    ],
)
def test_another_format_version_ends_the_reading(version, message):
    with pytest.raises(DocumentError) as caught:
        parse_architecture(parse_yaml(f"{version}\nunknown: 3\n", "net.yaml"))
    assert [problem.message for problem in caught.value.problems] == [message]


def test_a_file_that_is_not_there_is_answered_with_its_neighbour(tmp_path):
    (tmp_path / "resnet.yaml").write_text("cnnbuild: 1\n")
    with pytest.raises(UsageError) as caught:
        read_architecture(tmp_path / "resnt.yaml")
    assert str(caught.value) == f"{tmp_path}/resnt.yaml: there is no such file; did you mean 'resnet.yaml'?"
    with pytest.raises(UsageError) as caught:
        read_architecture(tmp_path)
    assert str(caught.value) == f"{tmp_path}: this is a folder; name a YAML file in it"


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(UsageError) as caught:
        read_architecture(path)
    assert str(caught.value) == f"{path}: the file is not UTF-8 text (byte 6 cannot be read)"


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_bytes(b"\xef\xbb\xbfcnnbuild: 1\n" + LAYERS.encode())
    assert read_architecture(path).faults == ()


def test_a_study_is_not_taken_for_an_architecture():
    with pytest.raises(DocumentError) as caught:
        parse_architecture(parse_yaml("cnnbuild: 1\nstudy: depth\ndatasets: [digits]\n", "study.yaml"))
    assert str(caught.value) == (
        "study.yaml:2:1: error: this is a study, not an architecture\n"
        "    2 | study: depth\n"
        "      | ^^^^^\n"
        "      = help: `cnnbuild run` takes it; the files under its `architectures:` are architectures"
    )
