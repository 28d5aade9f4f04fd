"""The transforms of `torchvision.transforms.v2` that a recipe may name: of one image, with plain arguments.

The names are written down here, so that a study is checked without torchvision; a test compares them with
the live module.
"""

from __future__ import annotations

from collections.abc import Mapping

TRANSFORM_NAMES: frozenset[str] = frozenset(
    {
        "AugMix",
        "AutoAugment",
        "CenterCrop",
        "ColorJitter",
        "ElasticTransform",
        "GaussianBlur",
        "GaussianNoise",
        "Grayscale",
        "Identity",
        "JPEG",
        "Pad",
        "RGB",
        "RandAugment",
        "RandomAdjustSharpness",
        "RandomAffine",
        "RandomAutocontrast",
        "RandomChannelPermutation",
        "RandomCrop",
        "RandomEqualize",
        "RandomErasing",
        "RandomGrayscale",
        "RandomHorizontalFlip",
        "RandomInvert",
        "RandomPerspective",
        "RandomPhotometricDistort",
        "RandomPosterize",
        "RandomResize",
        "RandomResizedCrop",
        "RandomRotation",
        "RandomShortestSize",
        "RandomSolarize",
        "RandomVerticalFlip",
        "RandomZoomOut",
        "Resize",
        "ScaleJitter",
        "TrivialAugmentWide",
    }
)

_OF_TRANSFORMS = "is made of other transforms: list those one after the other"
_OF_BATCHES = "mixes a whole batch: write the augmentation"
_SEVERAL = "makes several images of one"
_TYPES = "changes the type of a tensor, which the engine does by itself"
_BOXES = "is for boxes, key points or videos"

REFUSED_TRANSFORMS: Mapping[str, str] = {
    "Compose": _OF_TRANSFORMS,
    "RandomApply": _OF_TRANSFORMS,
    "RandomChoice": _OF_TRANSFORMS,
    "RandomOrder": _OF_TRANSFORMS,
    "CutMix": f"{_OF_BATCHES} `cutmix`",
    "MixUp": f"{_OF_BATCHES} `mixup`",
    "FiveCrop": _SEVERAL,
    "TenCrop": _SEVERAL,
    "ConvertImageDtype": _TYPES,
    "PILToTensor": _TYPES,
    "ToDtype": _TYPES,
    "ToImage": _TYPES,
    "ToPILImage": _TYPES,
    "ToPureTensor": _TYPES,
    "ToTensor": _TYPES,
    "Normalize": "is what the engine does by itself, with the mean and deviation of the training images",
    "Lambda": "takes a Python function, which no file can hold",
    "LinearTransformation": "takes a matrix",
    "Transform": "is the base of all others",
    "ClampBoundingBoxes": _BOXES,
    "ClampKeyPoints": _BOXES,
    "ConvertBoundingBoxFormat": _BOXES,
    "RandomIoUCrop": _BOXES,
    "SanitizeBoundingBoxes": _BOXES,
    "SanitizeKeyPoints": _BOXES,
    "SetClampingMode": _BOXES,
    "UniformTemporalSubsample": _BOXES,
}
"""The other classes of the module, each with the reason why no recipe may name it."""
