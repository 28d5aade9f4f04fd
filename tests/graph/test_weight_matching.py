"""Which tensor of a file is which weight of a network: by its own names, or by those of a map."""

import pytest

from cnnbuild.errors import UsageError
from cnnbuild.graph.views.weight_report import match_document, match_lines
from cnnbuild.graph.weight_matching import match_weights

KEYS = {"stem.weight": (4, 3, 3, 3), "fc.weight": (10, 4), "fc.bias": (10,)}
OTHERS = {"others": {"stem.weight": "conv1.weight", "fc.weight": "fc.weight", "fc.bias": "fc.bias"}}


def loaded(match):
    return {pair.name: pair.source for pair in match.loaded}


def test_equal_names_and_shapes_are_loaded_in_the_network_s_order():
    found = dict(reversed(KEYS.items()))
    match = match_weights(KEYS, {}, found)
    assert match.is_complete
    assert match.map is None
    assert [pair.name for pair in match.loaded] == ["stem.weight", "fc.weight", "fc.bias"]
    assert match.numbers == 4 * 27 + 40 + 10


def test_a_map_is_used_where_more_names_are_its():
    found = {"conv1.weight": (4, 3, 3, 3), "fc.weight": (10, 4), "fc.bias": (10,)}
    match = match_weights(KEYS, OTHERS, found)
    assert (match.map, match.is_complete) == ("others", True)
    assert loaded(match) == OTHERS["others"]


def test_our_own_names_go_before_a_map_that_fits_as_well():
    exchanged = {"others": {"fc.weight": "fc.bias", "fc.bias": "fc.weight", "stem.weight": "stem.weight"}}
    assert match_weights(KEYS, exchanged, KEYS).map is None


def test_names_are_never_mixed_from_two_maps():
    maps = {"one": {**OTHERS["others"], "fc.weight": "w"}, "two": {**OTHERS["others"], "fc.bias": "b"}}
    match = match_weights(KEYS, maps, {"conv1.weight": (4, 3, 3, 3), "w": (10, 4), "b": (10,)})
    assert match.map == "one"
    assert [name for name, _, _ in match.missing] == ["fc.bias"]
    assert [name for name, _ in match.unexpected] == ["b"]


def test_what_is_missing_unexpected_and_of_another_shape_is_told():
    match = match_weights(KEYS, OTHERS, {"conv1.weight": (4, 1, 3, 3), "fc.weight": (10, 4), "extra": (2,)})
    assert match.missing == (("fc.bias", "fc.bias", (10,)),)
    assert match.unexpected == (("extra", (2,)),)
    assert [(p.name, p.source, p.found) for p in match.unfit] == [
        ("stem.weight", "conv1.weight", (4, 1, 3, 3))
    ]
    assert not match.is_complete
    assert list(match_lines(match)) == [
        "loaded      1 tensor, 40 numbers",
        "other shape 1 tensor",
        "  stem.weight 4x3x3x3, and conv1.weight is 4x1x3x3",
        "missing     1 tensor",
        "  fc.bias 10",
        "unexpected  1 tensor",
        "  extra 2",
    ]
    document = match_document(match)
    assert document["missing"] == [{"name": "fc.bias", "source": "fc.bias", "shape": [10]}]
    assert document["unexpected"] == [{"source": "extra", "shape": [2]}]
    assert document["other_shape"] == [
        {"name": "stem.weight", "shape": [4, 3, 3, 3], "source": "conv1.weight", "source_shape": [4, 1, 3, 3]}
    ]


@pytest.mark.parametrize(
    ("found", "fits"),
    [
        ((8, 4), True),
        ((8, 4, 1, 1), True),
        ((1, 8, 4), True),
        ((4, 8), False),
        ((32,), False),
        ((8, 2, 2), False),
        ((8, 4, 2), False),
    ],
)
def test_shapes_may_differ_in_lengths_of_one_alone(found, fits):
    match = match_weights({"fc.weight": (8, 4)}, {}, {"fc.weight": found})
    assert bool(match.loaded) == fits
    assert bool(match.reshaped) == (fits and found != (8, 4))


def test_excepted_weights_are_kept_and_their_tensors_passed_over():
    found = {"conv1.weight": (4, 3, 3, 3), "fc.weight": (1000, 4), "fc.bias": (1000,)}
    match = match_weights(KEYS, OTHERS, found, excepted=["fc"])
    assert match.is_complete
    assert loaded(match) == {"stem.weight": "conv1.weight"}
    assert (match.kept, match.passed_over) == (("fc.weight", "fc.bias"), ("fc.weight", "fc.bias"))


def test_the_names_of_the_file_may_be_excepted_too():
    found = {**KEYS, "aux.0.weight": (3,), "aux.1.weight": (3,)}
    assert not match_weights(KEYS, {}, found).is_complete
    match = match_weights(KEYS, {}, found, excepted=["aux.*.weight"])
    assert match.is_complete
    assert match.passed_over == ("aux.0.weight", "aux.1.weight")
    by_map = {"conv1.weight": (9, 9), "fc.weight": (10, 4), "fc.bias": (10,)}
    assert match_weights(KEYS, OTHERS, by_map, excepted=["conv1"]).kept == ("stem.weight",)


def test_an_excepted_name_that_stands_for_nothing_is_refused():
    with pytest.raises(UsageError) as caught:
        match_weights(KEYS, {}, KEYS, excepted=["stm"])
    assert str(caught.value) == "no weight is called 'stm'; did you mean 'stem'?"
    with pytest.raises(UsageError):
        match_weights(KEYS, {}, KEYS, excepted=["f"])


def test_the_prefix_of_data_parallel_is_taken_off_unless_the_network_has_it_too():
    wrapped = {f"module.{name}": shape for name, shape in KEYS.items()}
    match = match_weights(KEYS, {}, wrapped)
    assert (match.prefix, match.is_complete) == ("module.", True)
    assert loaded(match)["fc.bias"] == "module.fc.bias"
    assert match_weights(wrapped, {}, wrapped).prefix == ""
    partly = {**wrapped, "fc.bias": (10,)}  # a name of the network's own
    assert match_weights(KEYS, {}, partly).prefix == ""


@pytest.mark.parametrize("prefix", ["model.", "net.module.", "model._orig_mod.module."])
def test_the_levels_of_a_program_that_trains_a_network_inside_another_are_taken_off(prefix):
    inside = {f"{prefix}{name}": shape for name, shape in KEYS.items()}
    match = match_weights(KEYS, {}, inside)
    assert (match.prefix, match.is_complete, match.map) == (prefix, True, None)
    by_map = {f"{prefix}{other}": KEYS[own] for own, other in OTHERS["others"].items()}
    match = match_weights(KEYS, OTHERS, by_map)
    assert (match.prefix, match.is_complete, match.map) == (prefix, True, "others")


def test_what_stands_beside_the_network_in_such_a_file_is_unexpected_unless_excepted():
    inside = {f"model.{name}": shape for name, shape in KEYS.items()}
    beside = {**inside, "criterion.weight": (10,), "fc.scale": (3,)}
    match = match_weights(KEYS, {}, beside)
    assert match.unexpected == (("criterion.weight", (10,)), ("fc.scale", (3,)))
    match = match_weights(KEYS, {}, beside, excepted=["criterion", "fc.scale", "model.fc.bias"])
    assert match.is_complete
    assert match.passed_over == ("model.fc.bias", "criterion.weight", "fc.scale")
    assert match.kept == ("fc.bias",)


def test_of_two_copies_of_a_network_the_one_that_is_not_excepted_is_loaded():
    twice = {f"{copy}.{name}": shape for copy in ("model", "average") for name, shape in KEYS.items()}
    match = match_weights(KEYS, {}, twice)
    assert (match.prefix, len(match.unexpected)) == ("model.", 3)
    match = match_weights(KEYS, {}, twice, excepted=["model"])
    assert (match.prefix, match.is_complete) == ("average.", True)


def test_a_level_with_less_than_half_of_the_network_behind_it_is_no_prefix():
    assert match_weights(KEYS, {}, {"model.fc.bias": (10,), "model.x": (1,)}).prefix == ""


def test_the_counter_that_old_files_lack_is_not_missed_unless_its_layer_is():
    keys = {"norm.weight": (3,), "norm.running_mean": (3,), "norm.num_batches_tracked": ()}
    match = match_weights(keys, {}, {"norm.weight": (3,), "norm.running_mean": (3,)})
    assert (match.is_complete, match.kept) == (True, ("norm.num_batches_tracked",))
    without = match_weights(keys, {}, {"norm.weight": (3,)})
    assert [name for name, _, _ in without.missing] == ["norm.running_mean", "norm.num_batches_tracked"]


def test_long_lists_are_cut_in_the_text_and_whole_in_the_document():
    found = {f"extra{n}": (1,) for n in range(12)}
    match = match_weights(KEYS, {}, {**KEYS, **found})
    lines = list(match_lines(match))
    assert lines[1:3] == ["unexpected  12 tensors", "  extra0 1"]
    assert lines[-1] == "  and 2 more"
    assert len(match_document(match)["unexpected"]) == 12
