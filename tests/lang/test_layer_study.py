import pytest

from cnnbuild.errors import DocumentError, UsageError
from cnnbuild.lang.layer_study import is_layer_study, read_layer_study
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.study import read_study

STUDY = """\
cnnbuild: 1
study: two
input: [4, 8, 8]
tolerance: 1e-4
layers:
  affine:
    custom: {affine_conv: {out_channels: 4, kernel_size: [3, 1]}, name: mine}
    standard: {conv: {out_channels: 4, kernel_size: [3, 1]}}
    expect: equal
    tolerance: 0.001
  pool: {custom: [clamped_relu, {max_pool: {kernel_size: 2}}], input: 3x6x6, on: positive}
variants:
  noisy: {seeds: [4], layers: {affine: {custom: {noisy_conv: {out_channels: 4, kernel_size: 1}}, standard: ~, expect: ~, tolerance: ~}}}
"""


def read(folder, text=STUDY, **arguments):
    path = folder / "layers.yaml"
    path.write_text(text)
    return read_layer_study(path, **arguments)


def test_a_study_of_layers_is_told_by_its_keys():
    assert is_layer_study(parse_yaml("{study: a, layers: {}}", "f"))
    assert not is_layer_study(parse_yaml("{study: a, architectures: {}}", "f"))
    assert not is_layer_study(parse_yaml("{layers: []}", "f"))
    assert not is_layer_study(parse_yaml("[study, layers]", "f"))


def test_entries_take_what_they_do_not_say_from_the_study(tmp_path):
    document = read(tmp_path)
    affine, pool = document.pairs
    assert (document.title, document.seeds, document.batch, document.device) == ("two", (0, 1, 2), 8, "auto")
    assert (affine.input, affine.numbers, affine.expect, affine.tolerance) == (
        (4, 8, 8),
        "normal",
        "equal",
        0.001,
    )
    assert (pool.input, pool.numbers, pool.expect, pool.tolerance) == ((3, 6, 6), "positive", None, 1e-4)
    assert affine.standard.text == "conv: {out_channels: 4, kernel_size: [3, 1]}"
    assert affine.custom.nodes[0].name.value == "mine"
    assert [node.type.value for node in pool.custom.nodes] == ["clamped_relu", "max_pool"]
    assert pool.standard is None


def test_without_an_input_there_is_one(tmp_path):
    document = read(tmp_path, "cnnbuild: 1\nstudy: a\nlayers: {relu: {custom: relu}}\n")
    assert document.pairs[0].input == (16, 16, 16)


def test_a_variant_replaces_a_layer_of_another_type_as_a_whole(tmp_path):
    document = read(tmp_path, variant="noisy")
    assert (document.title, document.seeds) == ("two@noisy", (4,))
    assert document.pairs[0].custom.text == "noisy_conv: {out_channels: 4, kernel_size: 1}"
    assert document.pairs[0].standard is None
    assert document.pairs[1].custom.text == "[clamped_relu, {max_pool: {kernel_size: 2}}]"
    with pytest.raises(UsageError, match=r"has no variant 'nosy'; did you mean 'noisy'\?"):
        read(tmp_path, variant="nosy")


def test_arguments_win_over_the_file(tmp_path):
    settings = {"layers.affine.standard.conv.out_channels": 5, "layers.pool.input": "2x4x4", "batch": 3}
    document = read(tmp_path, settings=settings, seeds=1)
    assert document.pairs[0].standard.text == "conv: {out_channels: 5, kernel_size: [3, 1]}"
    assert document.pairs[1].input == (2, 4, 4)
    assert (document.batch, document.seeds) == (3, (0,))
    with pytest.raises(DocumentError, match="cannot be changed from outside"):
        read(tmp_path, settings={"variants.noisy.seeds": 1})


def test_faults_of_other_variants_are_found_too(tmp_path):
    with pytest.raises(DocumentError, match="unknown key 'epochs' in the study"):
        read(tmp_path, STUDY.replace("seeds: [4]", "epochs: 4"))


def test_each_reader_says_whose_the_other_kind_is(tmp_path):
    path = tmp_path / "layers.yaml"
    path.write_text(STUDY)
    with pytest.raises(DocumentError, match="this study compares layers and trains none"):
        read_study(path)
    with pytest.raises(UsageError, match="this study compares no layers; it has no `layers:`"):
        read(tmp_path, "cnnbuild: 1\nstudy: a\narchitectures: {a: a.yaml}\ndatasets: [digits]\n")
