"""The JSON Schema of studies, against the reader and an independent validator."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from jsonschema import Draft202012Validator

from cnnbuild.errors import DocumentError, UsageError
from cnnbuild.lang.analyses import ANALYSES
from cnnbuild.lang.dataset import DatasetOptions
from cnnbuild.lang.files import read_yaml
from cnnbuild.lang.layer_study_settings import LayerStudySettings
from cnnbuild.lang.recipe import Recipe
from cnnbuild.lang.source import to_plain
from cnnbuild.lang.study import read_study
from cnnbuild.lang.study_settings import StudySettings
from cnnbuild.layers.schemas.studies import study_schema
from cnnbuild.layers.schemas.study_texts import RECIPE_TEXTS, STUDY_TEXTS

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.yaml"))
GENERAL = Draft202012Validator(study_schema())
BASE = """
    cnnbuild: 1
    study: small
    architectures: {one: net.yaml, two: {file: net.yaml, vars: {width: 8}}}
    datasets: [digits]
"""
NETWORK = "cnnbuild: 1\nvars: {width: 8}\nlayers: [flatten, {linear: $width}, {linear: $data.classes}]\n"


def study(folder: Path, added: str) -> Path:
    """A study with some keys added, or replaced where the base has them."""
    (folder / "net.yaml").write_text(NETWORK, encoding="utf-8")
    keys = {line.split(":")[0] for line in dedent(added).splitlines() if line[:1].strip()}
    kept = [line for line in dedent(BASE).splitlines() if line.split(":")[0] not in keys]
    file = folder / "study.yaml"
    file.write_text("\n".join([*kept, dedent(added)]), encoding="utf-8")
    return file


def test_the_schema_is_one_by_the_metaschema_and_has_the_keys_of_the_models() -> None:
    schema = study_schema()
    Draft202012Validator.check_schema(schema)
    assert set(schema["properties"]) == {
        *StudySettings.model_fields,
        *LayerStudySettings.model_fields,
        "variants",
    }
    assert set(schema["$defs"]["train"]["properties"]) == set(Recipe.model_fields) <= set(RECIPE_TEXTS)
    assert set(DatasetOptions.model_fields) <= set(STUDY_TEXTS)
    assert all(key["description"] for key in schema["properties"].values())


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_shipped_study_is_accepted_in_general_and_for_itself(path: Path) -> None:
    assert len(STUDIES) >= 3
    for validator in (GENERAL, Draft202012Validator(study_schema(file=path))):
        assert [error.message for error in validator.iter_errors(to_plain(read_yaml(path)))] == []


FINE = [
    "seeds: [3, 5]",
    "seeds: 2.0",
    "datasets: [digits, {cifar10: {train_images: 5000, size: 16}}, {mnist: }]",
    "datasets: [{image_folder: {path: pictures}}]",
    "train: {optimizer: adam, schedule: {step: {step_size: 3}}}",
    "train: {optimizer: {sgd: {lr: 0.1}}, augment: [horizontal_flip, {random_crop: {padding: 2}}]}",
    "train: {optimizer: {sgd: {momentum: 0.9}}}\n"
    "architectures: {one: {file: net.yaml, train: {optimizer: {sgd: {lr: 0.1}}}}}",
    "train: {steps: 100, accumulate: 4, optimizer: lbfgs, schedule: {plateau: {patience: 2}}}",
    "train: {epochs: ~, seconds: 60, clip_gradient_norm: 1, clip_gradient_value: ~, average: ~, stop_early: ~}",
    "train: {average: ema, stop_early: {metric: accuracy}, precision: bf16, compile: true, data: stream}",
    "train: {average: {uniform: {start_epoch: 3}}, test_time_flip: true, weight_decay_on: weights}",
    "train: {augment: [{transform: {name: ColorJitter, hue: [0, 0.1], brightness: 1}}, cutout, mixup]}",
    "train: {optimizer: {adafactor: {eps: [~, 0.01]}}, schedule: one_cycle}",
    "override: [{when: {dataset: digits}, train: {epochs: 2}, seeds: 2}]",
    "variants: {small: {seeds: 1, train: {epochs: 1}}, same: }",
    "variants: {narrow: {architectures: {two: {vars: {width: 4}}}}}",
    "baseline: two",
    "analyses: [confusion]",
    "analyses: []",
    "analyses: [" + ", ".join(ANALYSES) + "]",
    "grid: {train.optimizer.sgd.lr: [0.1, 0.01], vars.width: [4, 8]}\ntrain: {optimizer: {sgd: {lr: 1}}}",
    "grid: {train.optimizer: [adam, {sgd: {lr: 0.1}}], train.augment: [[], [cutout]], train.average: [~, ema]}",
    "grid: {train.augment.0.cutout.size: [2, 4], size: [8, 16], train_images: [100]}\n"
    "train: {augment: [{cutout: {}}]}",
    "grid: ~",
    "grid: {train.stop_early.patience: [2, 5], train.epochs: ~}",
    "grid: {train.batch_size: [8, 16]}\noverride: [{when: {train.batch_size: 8, dataset: digits}, seeds: 2}]",
    "grid: {size: [8, 16]}\noverride: [{when: {size: 8}, seeds: 2}]",
    "match: {parameters: 100_000, by: width}",
    "match: {macs: 1e6, parameters: ~, by: width, within: 0.1}",
    "match: {macs: 1e6, by: width}\nvariants: {free: {match: ~}, near: {match: {within: 0.1}}}",
    "budget: {macs: 2e12}",
    "budget: {images: 500_000, seconds: ~}",
    "budget: {seconds: 0.5}\nvariants: {free: {budget: ~}, other: {budget: {images: 5}}}",
    "plugins: []",
]
WRONG = [
    "titel: a",
    "study: ",
    "question: 5",
    "seeds: 0",
    "seeds: [1, 1]",
    "seeds: many",
    "seeds: ",
    "datasets: []",
    "datasets: [cifar]",
    "datasets: [digits, digits]",
    "datasets: [image_folder]",
    "datasets: [{digits: {path: a}}]",
    "datasets: [{digits: {train_image: 5}}]",
    "datasets: [{digits: {size: 2}}]",
    "architectures: {}",
    "architectures: {one: {vars: {width: 8}}}",
    "architectures: {one: {file: net.yaml, var: {width: 8}}}",
    "train: {epoch: 3}",
    "train: {epochs: 2.5}",
    "train: {optimizer: sgd}",
    "train: {optimizer: {sgd: {momentum: 0.9}}}",
    "train: {optimizer: {sgd: {lr: 0}}}",
    "train: {optimizer: {sgd: {lr: 0.1}, adam: {}}}",
    "train: {optimizer: {}}",
    "train: {optimizer: {adam: {betas: [0.9]}}}",
    "train: {schedule: {multi_step: {gamma: 0.1}}}",
    "train: {schedule: cosinus}",
    "train: {augment: [flip]}",
    "train: {select: first}",
    "train: {epochs: 2, steps: 100}",
    "train: {steps: 100, seconds: 60}",
    "train: {optimizer: muon}",
    "train: {schedule: linear}",
    "train: {schedule: {cosine_restarts: {t_mult: 2}}}",
    "train: {average: uniform}",
    "train: {average: {ema: {decay: 1}}}",
    "train: {stop_early: 5}",
    "train: {stop_early: {patients: 5}}",
    "train: {augment: [transform]}",
    "train: {augment: [{transform: {name: Compose}}]}",
    "train: {augment: [{transform: {name: ColorJitter, hue: {low: 0}}}]}",
    "train: {precision: fp8}",
    "train: {clip_gradient_norm: 0}",
    "train: {clip_gradient_norm: 1, clip_gradient_value: 1}",
    "override: [{train: {epochs: 2}}]",
    "override: [{when: {}, train: {epochs: 2}}]",
    "override: [{when: {dataset: cifar}, train: {epochs: 2}}]",
    "override: [{when: {dataset: digits}, seeds: 0}]",
    "variants: {small: {cnnbuild: 1}}",
    "variants: {small: 3}",
    "variants: {small: {seed: 3}}",
    "variants: {small: {train: {optimizer: {sgd: {lr: high}}}}}",
    "equivalence: -1",
    "grid: [8, 16]",
    "grid: {lr: [0.1]}",
    "grid: {vars: [8]}",
    "grid: {vars.depths.0: [8]}",
    "grid: {seeds: [1, 2]}",
    "grid: {train.batch_size: 8}",
    "grid: {train.batch_size: []}",
    "grid: {train.batch_size: [8, 8.0]}",
    "grid: {train.batch_size: [0]}",
    "grid: {train.optimizer.sgd.nesterof: [true]}",
    "grid: {train.optimizer.sgd.lr: [high]}",
    "grid: {train_images: [0]}",
    "match: 100_000",
    "match: {by: width}",
    "match: {parameters: 100_000}",
    "match: {parameters: 100_000, macs: 1e6, by: width}",
    "match: {parameters: 0, by: width}",
    "match: {parameters: 100_000, by: width, within: 1}",
    "match: {parameters: 100_000, by: ''}",
    "budget: 60",
    "budget: {}",
    "budget: {seconds: 60, images: 5}",
    "budget: {images: 0.5}",
    "budget: {epochs: 5}",
    "variants: {other: {budget: {macs: 0}}}",
    "variants: {other: {match: {within: 0}}}",
    "plugins: layers.py",
    "plugins: [3]",
    "analyses: [confusions]",
    "analyses: [filters, filters]",
    "analyses: filters",
]


@pytest.mark.parametrize("added", FINE)
def test_what_the_reader_takes_the_schema_takes(added: str, tmp_path: Path) -> None:
    file = study(tmp_path, added)
    read_study(file)
    assert [error.message for error in GENERAL.iter_errors(to_plain(read_yaml(file)))] == []


@pytest.mark.parametrize("added", WRONG)
def test_what_the_reader_refuses_the_schema_refuses(added: str, tmp_path: Path) -> None:
    file = study(tmp_path, added)
    with pytest.raises(DocumentError):
        read_study(file)
    assert not GENERAL.is_valid(to_plain(read_yaml(file)))


@pytest.mark.parametrize(
    "added", ["baseline: three", "override: [{when: {architecture: three}, train: {epochs: 2}}]"]
)
def test_for_a_file_the_names_of_its_architectures_are_known(added: str, tmp_path: Path) -> None:
    file = study(tmp_path, added)
    with pytest.raises(DocumentError, match="unknown architecture 'three'"):
        read_study(file)
    document = to_plain(read_yaml(file))
    assert GENERAL.is_valid(document)
    assert not Draft202012Validator(study_schema(file=file)).is_valid(document)


def test_for_an_architecture_there_is_no_schema_of_studies(tmp_path: Path) -> None:
    study(tmp_path, "")
    with pytest.raises(UsageError) as caught:
        study_schema(file=tmp_path / "net.yaml")
    assert str(caught.value) == (
        f"{tmp_path / 'net.yaml'}: this is an architecture; see `cnnbuild schema architecture`"
    )
