"""The Python interface, as a user of it would try it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import cnnbuild
from cnnbuild import DocumentError, UsageError

ARCHITECTURES = Path(__file__).parents[1] / "architectures"


def test_load_reads_a_file_and_knows_its_name() -> None:
    architecture = cnnbuild.load(ARCHITECTURES / "residual_cnn.yaml")
    assert architecture.name == "residual_cnn"
    assert architecture.variant is None


def test_build_gives_a_module_that_maps_images_to_logits() -> None:
    model = cnnbuild.load(ARCHITECTURES / "residual_cnn.yaml").build(input=(3, 32, 32), classes=10)
    assert isinstance(model, nn.Module)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    assert sum(parameter.numel() for parameter in model.parameters()) == 161_482


def test_the_same_seed_builds_the_same_weights() -> None:
    architecture = cnnbuild.load(ARCHITECTURES / "simple_cnn.yaml")
    torch.manual_seed(3)
    first = architecture.build(input=(1, 8, 8), classes=10)
    torch.manual_seed(3)
    second = architecture.build(input=(1, 8, 8), classes=10)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def test_inspect_gives_rows_and_totals_of_the_published_network() -> None:
    summary = cnnbuild.load(ARCHITECTURES / "simple_cnn.yaml").inspect(input=(1, 28, 28), classes=10)
    assert summary.totals.parameters == 421_642
    first = summary.rows[0]
    assert (first.name, first.shape) == ("stage1.conv_1", (32, 28, 28))
    assert first.parameters == 32 * 9 + 32
    assert first.macs == 28 * 28 * 32 * 9
    assert first.activation_bytes == 28 * 28 * 32 * 4


def test_a_variant_is_named_in_the_path_or_as_an_argument() -> None:
    path = ARCHITECTURES / "resnet.yaml"
    named = cnnbuild.load(f"{path}@resnet50")
    given = cnnbuild.load(path, variant="resnet50")
    for architecture in (named, given):
        assert architecture.inspect(input=(3, 224, 224), classes=1000).totals.parameters == 25_557_032


def test_variables_can_be_set() -> None:
    architecture = cnnbuild.load(ARCHITECTURES / "residual_blocks.yaml", vars={"unit": "wide"})
    assert architecture.inspect(input=(3, 32, 32), classes=10).totals.parameters == 44_595_786


def test_an_unknown_variant_is_refused_at_once() -> None:
    path = ARCHITECTURES / "resnet.yaml"
    with pytest.raises(UsageError) as caught:
        cnnbuild.load(path, variant="resent34")
    assert (
        str(caught.value) == f"{path}: the architecture has no variant 'resent34'; did you mean 'resnet34'?"
    )


def test_an_unknown_variable_is_refused_at_once() -> None:
    path = ARCHITECTURES / "resnet.yaml"
    with pytest.raises(UsageError) as caught:
        cnnbuild.load(path, vars={"widht": 3})
    assert str(caught.value) == f"{path}: the architecture has no variable 'widht'; did you mean 'width'?"


def test_a_missing_file_is_named_with_its_nearest_neighbour() -> None:
    path = ARCHITECTURES / "resnett.yaml"
    with pytest.raises(UsageError) as caught:
        cnnbuild.load(path)
    assert str(caught.value) == f"{path}: there is no such file; did you mean 'resnet.yaml'?"


def test_a_faulty_shape_is_reported_when_the_images_are_known(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text("cnnbuild: 1\nlayers:\n  - max_pool: 16\n  - flatten\n  - linear: $data.classes\n")
    architecture = cnnbuild.load(file)
    assert architecture.inspect(input=(1, 16, 16), classes=3).totals.parameters == 6
    with pytest.raises(DocumentError, match="a window of 16x16 does not fit"):
        architecture.inspect(input=(1, 8, 8), classes=3)


def test_classes_can_be_plugins() -> None:
    @cnnbuild.layer("halve", sight="pixel")
    class Halve(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x / 2

    architecture = cnnbuild.load(ARCHITECTURES / "simple_cnn.yaml", plugins=[Halve])
    assert "halve" in architecture.registry


def test_every_public_name_resolves() -> None:
    assert len(cnnbuild.__all__) > 10
    for name in cnnbuild.__all__:
        assert getattr(cnnbuild, name) is not None
    with pytest.raises(AttributeError, match="module 'cnnbuild' has no attribute 'lod'"):
        _ = cnnbuild.lod  # type: ignore[attr-defined]


def test_faults_of_form_are_reported_when_the_file_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text("cnnbuild: 1\nlayrs: []\nlayers: [relu: {}, name: x]\n")
    with pytest.raises(DocumentError, match="unknown key 'layrs'"):
        cnnbuild.load(file)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((32, 32), "input is (channels, height, width), three whole numbers above 0, not (32, 32)"),
        ((3, 0, 4), "input is (channels, height, width), three whole numbers above 0, not (3, 0, 4)"),
    ],
)
def test_a_wrong_input_is_told(size: tuple[int, ...], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        cnnbuild.load(ARCHITECTURES / "simple_cnn.yaml").build(input=size, classes=10)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_an_architecture_prints_as_one_line() -> None:
    path = ARCHITECTURES / "resnet.yaml"
    assert repr(cnnbuild.load(path, "resnet50", {"width": 8})) == f"Architecture({path}@resnet50, width=8)"


@pytest.mark.parametrize("seed", [-1, 2**32, 2**70, 1.5, True])
def test_a_seed_that_no_random_generator_takes_is_refused(seed: int) -> None:
    for verb in (cnnbuild.train, cnnbuild.find_lr):
        with pytest.raises(UsageError, match="seed is a whole number from 0 to 4294967295"):
            verb(ARCHITECTURES / "simple_cnn.yaml", seed=seed)


def test_a_network_is_trained_in_memory_and_used(tmp_path: Path) -> None:
    seen: list[int] = []
    run = cnnbuild.train(
        cnnbuild.load(ARCHITECTURES / "simple_cnn.yaml"),
        "digits",
        {"epochs": 2, "optimizer": {"adam": {"lr": 3e-3}}},
        seed=1,
        on_epoch=lambda epoch: seen.append(epoch.epoch),
    )
    assert seen == [1, 2]
    assert run.folder is None
    assert run.evaluate().accuracy == run.record.test.accuracy  # type: ignore[union-attr]
    assert run.predict(torch.zeros(3, 1, 8, 8, dtype=torch.uint8))[2].class_name in run.class_names
    assert repr(run).endswith("53,002 parameters; in memory)")
    assert list(tmp_path.iterdir()) == []


def test_the_same_run_in_a_folder_is_loaded_again_and_not_overwritten(tmp_path: Path) -> None:
    path = ARCHITECTURES / "simple_cnn.yaml"
    run = cnnbuild.train(path, "digits", {"epochs": 1}, out=tmp_path / "run")
    again = cnnbuild.load_run(tmp_path / "run")
    assert again.record == run.record
    with pytest.raises(UsageError, match="holds the record of an earlier run"):
        cnnbuild.train(path, "digits", {"epochs": 1}, out=tmp_path / "run")
    cnnbuild.train(path, "digits", {"epochs": 2}, out=tmp_path / "run", overwrite=True)
    assert len(cnnbuild.load_run(tmp_path / "run").record.epochs) == 2


def test_an_exception_of_a_listener_leaves_a_run_that_goes_on(tmp_path: Path) -> None:
    def stop(epoch: object) -> None:
        raise KeyError("a mistake in a notebook")

    path, recipe = ARCHITECTURES / "simple_cnn.yaml", {"epochs": 2}
    with pytest.raises(KeyError):
        cnnbuild.train(path, "digits", recipe, out=tmp_path / "run", on_epoch=stop)
    seen: list[int] = []
    run = cnnbuild.train(
        path, "digits", recipe, out=tmp_path / "run", on_epoch=lambda epoch: seen.append(epoch.epoch)
    )
    assert seen == [2]
    whole = cnnbuild.train(path, "digits", recipe)
    for name, tensor in whole.module.state_dict().items():
        assert torch.equal(run.module.state_dict()[name], tensor)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset": "digist"}, "dataset:1:1: error: unknown data set 'digist'"),
        ({"dataset": 3}, "dataset is a name, or a mapping of one name to options, not 3"),
        ({"recipe": {"epoch": 1}}, "recipe:1:1: error: unknown key 'epoch' in the recipe"),
        ({"recipe": [1]}, "recipe is a mapping of the keys of `train:`, not [1]"),
        ({"recipe": {"optimizer": "sgd"}}, "recipe:1:1: error: 'optimizer.sgd' of the recipe needs 'lr'"),
    ],
)
def test_arguments_that_make_no_sense_are_told(arguments: dict[str, object], message: str) -> None:
    with pytest.raises((UsageError, DocumentError)) as caught:
        cnnbuild.train(ARCHITECTURES / "simple_cnn.yaml", **arguments)  # type: ignore[arg-type]
    assert str(caught.value).splitlines()[0] == message


def test_a_learning_rate_is_looked_for(tmp_path: Path) -> None:
    found = cnnbuild.find_lr(ARCHITECTURES / "simple_cnn.yaml", "digits", out=tmp_path)
    assert found.suggestion is not None
    assert 1e-4 < found.suggestion < 1e-1
    assert (tmp_path / "lr_range.png").is_file()
