"""torchvision's transforms of single images by name, checked before training and seeded image by image."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnbuild.errors import UsageError
from cnnbuild.lang.recipe import AugmentChoice, Transform
from cnnbuild.texts import did_you_mean

SEED_BYTES = 7
_ENUMERATIONS = {"interpolation": "InterpolationMode", "policy": "AutoAugmentPolicy"}


@dataclass(frozen=True, slots=True)
class ImageTransform:
    """One transform: what was asked for, and torchvision's module that does it."""

    name: str
    module: nn.Module


def transforms_of(steps: Sequence[AugmentChoice], shape: tuple[int, int, int]) -> tuple[ImageTransform, ...]:
    """The transforms among the augmentations, in written order, for images of `shape` (C, H, W).

    Each was tried on two grey images.

    Raises:
        UsageError: an argument has a wrong name or value, or what comes out is no image of the same shape.
    """
    chosen = [step.chosen for step in steps]
    asked = [settings for settings in chosen if isinstance(settings, Transform)]
    made = tuple(make_transform(settings.name, settings.arguments) for settings in asked)
    if made:
        for seed in range(2):  # what is done with a probability is done to one of two, as a rule
            _try(made, torch.full(shape, 128, dtype=torch.uint8), seed)
    return made


def make_transform(name: str, arguments: Mapping[str, object]) -> ImageTransform:
    """A class of `torchvision.transforms.v2` with its arguments; names of modes are words, as `bilinear`.

    Raises:
        UsageError: there is no such class, or it does not take an argument.
    """
    from torchvision.transforms import v2

    made: object = getattr(v2, name, None)
    if not isinstance(made, type) or not issubclass(made, v2.Transform):
        known = [word for word in dir(v2) if word[0].isupper()]
        raise UsageError(
            f"transform: there is no '{name}' in torchvision. {did_you_mean(name, known)}".strip()
        )
    taken = [word for word in inspect.signature(made).parameters if word != "self"]
    for argument in arguments:
        if argument not in taken:
            hint = did_you_mean(argument, taken, listing="it takes")
            raise UsageError(f"transform {name} has no argument '{argument}'; {hint or 'it takes none'}")
    try:
        module: nn.Module = made(**{key: _value(key, value) for key, value in arguments.items()})
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, NotImplementedError) as error:
        raise UsageError(f"transform {name}: {_first_line(error)}") from error
    return ImageTransform(name, module)


def apply(transforms: Sequence[ImageTransform], image: Tensor, seed: int) -> Tensor:
    """The uint8 image (C, H, W) after all transforms; `seed` decides all that is random in them.

    torch's global generator is as before afterwards.
    """
    with _seeded(seed):
        for transform in transforms:
            image = transform.module(image)
    return image


def seed_of_image(seed: int, epoch: int, index: int) -> int:
    """The seed of one image in one epoch of a run."""
    digest = hashlib.sha256(f"{seed} transform {epoch} {index}".encode()).digest()
    return int.from_bytes(digest[:SEED_BYTES], "big")


def _value(key: str, value: object) -> object:
    """What torchvision wants for a value: a member of its enumerations for a word."""
    from torchvision import transforms

    if not isinstance(value, str) or key not in _ENUMERATIONS:
        return value
    members: dict[str, object] = {
        str(member.value): member for member in getattr(transforms, _ENUMERATIONS[key])
    }
    if value not in members:
        hint = did_you_mean(value, members, listing="known are")
        raise ValueError(f"{key} is one of its modes, not '{value}'; {hint}")
    return members[value]


def _try(transforms: Sequence[ImageTransform], image: Tensor, seed: int) -> None:
    names = " then ".join(transform.name for transform in transforms)
    shape = tuple(image.shape)
    try:
        result: object = apply(transforms, image, seed)
    except Exception as error:  # whatever it raises, the recipe asked for what cannot be done
        described = "x".join(map(str, shape))
        raise UsageError(
            f"transform {names} fails on an image of {described}: {_first_line(error)}"
        ) from error
    if not isinstance(result, Tensor) or tuple(result.shape) != shape or result.dtype != torch.uint8:
        found = (
            f"{str(result.dtype).removeprefix('torch.')} {'x'.join(map(str, result.shape))}"
            if isinstance(result, Tensor)
            else type(result).__name__
        )
        raise UsageError(
            f"transform {names} makes {found} of an image of uint8 {'x'.join(map(str, shape))}; "
            "the type and the shape have to stay"
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """One thread and a seeded global generator of the CPU: the only one that these transforms draw from."""
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    torch.default_generator.manual_seed(seed)
    if threads != 1:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.random.set_rng_state(state)
        if threads != 1:
            torch.set_num_threads(threads)
