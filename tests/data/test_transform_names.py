"""The literal table of transforms, against the live module of torchvision."""

import inspect
import typing

import pytest
import torch
from torchvision.transforms import v2

from cnnbuild.lang.recipe import REFUSED_TRANSFORMS, TRANSFORM_NAMES, Recipe

NO_TRANSFORMS = {"AutoAugmentPolicy", "InterpolationMode"}  # kinds of arguments
EXAMPLES = {
    "CenterCrop": {"size": 6},
    "JPEG": {"quality": [40, 60]},
    "Pad": {"padding": 2},
    "GaussianBlur": {"kernel_size": 3},
    "RandomAdjustSharpness": {"sharpness_factor": 2.0},
    "RandomAffine": {"degrees": 10, "translate": [0.1, 0.1], "interpolation": "bilinear"},
    "RandomCrop": {"size": 8, "padding": 1, "padding_mode": "reflect"},
    "RandomPosterize": {"bits": 4},
    "RandomResize": {"min_size": 6, "max_size": 9},
    "RandomResizedCrop": {"size": 8, "scale": [0.5, 1.0]},
    "RandomRotation": {"degrees": 15},
    "RandomShortestSize": {"min_size": [7, 9]},
    "RandomSolarize": {"threshold": 100.0},
    "Resize": {"size": 8},
    "ScaleJitter": {"target_size": [8, 8]},
    "ColorJitter": {"brightness": 0.2},
}
"""What those are called with that have an argument without a default, and some others."""


def classes():
    return {name for name, each in vars(v2).items() if inspect.isclass(each)} - NO_TRANSFORMS


def test_every_class_of_the_module_is_a_name_or_refused_with_its_reason():
    assert len(classes()) >= 50
    assert set(TRANSFORM_NAMES) | set(REFUSED_TRANSFORMS) == classes()
    assert not set(TRANSFORM_NAMES) & set(REFUSED_TRANSFORMS)
    assert all(REFUSED_TRANSFORMS.values())


@pytest.mark.filterwarnings("ignore:The image decoding and encoding")  # of JPEG alone
def test_every_named_transform_can_be_made_from_plain_arguments_and_takes_one_image():
    image = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    for name in sorted(TRANSFORM_NAMES):
        written = {"augment": [{"transform": {"name": name, **EXAMPLES.get(name, {})}}]}
        (step,) = Recipe.model_validate(written).augment
        made = getattr(v2, step.chosen.name)(**step.chosen.arguments)
        seen = made(image)
        assert (seen.dtype, seen.dim()) == (torch.uint8, 3), name
        assert len(seen) in {1, 3}, name


def test_an_argument_without_default_is_of_a_plain_kind():
    plain = (int, float, str, bool, type(None))
    for name in TRANSFORM_NAMES:
        for parameter in inspect.signature(getattr(v2, name)).parameters.values():
            if parameter.default is inspect.Parameter.empty:
                assert "Callable" not in str(parameter.annotation), (name, parameter)
                assert typing.get_origin(parameter.annotation) or parameter.annotation in plain, (
                    name,
                    parameter,
                )
