"""How a network is trained: the `train:` section of a study, as frozen models.

    train:
      epochs: 15
      batch_size: 128
      optimizer: {sgd: {lr: 0.1, momentum: 0.9, weight_decay: 5e-4}}
      schedule: {multi_step: {milestones: [10, 13]}}
      augment: [{random_crop: {padding: 4}}, horizontal_flip]

Names and defaults are torch's, except that `sgd` has no default `lr`. Where one of several things is chosen,
a bare word chooses it with its defaults: `schedule: cosine`.
"""

from __future__ import annotations

from cnnbuild.lang.recipe.augmentations import (
    AugmentChoice,
    AugmentSettings,
    Cutmix,
    Cutout,
    HorizontalFlip,
    Mixup,
    RandomCrop,
    Transform,
)
from cnnbuild.lang.recipe.averaging import (
    AverageChoice,
    AverageSettings,
    Ema,
    Uniform,
)
from cnnbuild.lang.recipe.models import (
    BUDGETS,
    DEFAULT_EPOCHS,
    Recipe,
    StopEarly,
    length_in_words,
)
from cnnbuild.lang.recipe.optimizers import (
    REFUSED_OPTIMIZERS,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Asgd,
    Lbfgs,
    NAdam,
    OptimizerChoice,
    OptimizerSettings,
    RAdam,
    RMSprop,
    Rprop,
    Sgd,
)
from cnnbuild.lang.recipe.parse import (
    parse_recipe,
)
from cnnbuild.lang.recipe.reach import (
    never_reached,
)
from cnnbuild.lang.recipe.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    Linear,
    MultiStep,
    OneCycle,
    Plateau,
    Polynomial,
    ScheduleChoice,
    ScheduleSettings,
    Step,
    Triangular,
)
from cnnbuild.lang.recipe.transforms import (
    REFUSED_TRANSFORMS,
    TRANSFORM_NAMES,
)

__all__ = [
    "BUDGETS",
    "DEFAULT_EPOCHS",
    "REFUSED_OPTIMIZERS",
    "REFUSED_TRANSFORMS",
    "TRANSFORM_NAMES",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Asgd",
    "AugmentChoice",
    "AugmentSettings",
    "AverageChoice",
    "AverageSettings",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Cutmix",
    "Cutout",
    "Ema",
    "Exponential",
    "HorizontalFlip",
    "Lbfgs",
    "Linear",
    "Mixup",
    "MultiStep",
    "NAdam",
    "OneCycle",
    "OptimizerChoice",
    "OptimizerSettings",
    "Plateau",
    "Polynomial",
    "RAdam",
    "RMSprop",
    "RandomCrop",
    "Recipe",
    "Rprop",
    "ScheduleChoice",
    "ScheduleSettings",
    "Sgd",
    "Step",
    "StopEarly",
    "Transform",
    "Triangular",
    "Uniform",
    "length_in_words",
    "never_reached",
    "parse_recipe",
]
