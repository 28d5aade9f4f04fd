"""The recipe: its defaults, its short forms, and where its mistakes are shown."""

import json

import pytest

from cnnbuild.errors import Problems
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.recipe import (
    Adam,
    AdamW,
    Constant,
    Cosine,
    Cutmix,
    Cutout,
    Ema,
    HorizontalFlip,
    Mixup,
    MultiStep,
    Plateau,
    RandomCrop,
    Recipe,
    Sgd,
    StopEarly,
    length_in_words,
    never_reached,
    parse_recipe,
)
from cnnbuild.training.schedules import PlateauState


def parse(text):
    problems = Problems()
    return parse_recipe(parse_yaml(text, "study.yaml"), problems), problems


def faults(text):
    recipe, problems = parse(text)
    assert recipe is None
    return [(str(p.place), p.message, p.help) for p in problems.errors]


def test_an_empty_recipe_is_valid_and_means_the_defaults():
    for text in ("{}", "~"):
        recipe, problems = parse(text)
        assert recipe == Recipe()
        assert problems.found == []
    assert recipe.optimizer.chosen == Adam(lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0)
    assert recipe.schedule.chosen == Constant()
    assert (recipe.epochs, recipe.batch_size, recipe.validation, recipe.select) == (10, 64, 0.1, "best")


def test_the_recipe_of_the_residual_study_is_read_as_written():
    recipe, problems = parse(
        "epochs: 15\n"
        "batch_size: 128\n"
        "optimizer: {sgd: {lr: 0.1, momentum: 0.9, weight_decay: 5e-4}}\n"
        "schedule: {multi_step: {milestones: [10, 13], gamma: 0.1}}\n"
        "augment: [{random_crop: {padding: 4}}, horizontal_flip]\n"
    )
    assert problems.found == []
    assert recipe.optimizer.name == "sgd"
    assert recipe.optimizer.chosen == Sgd(lr=0.1, momentum=0.9, weight_decay=0.0005)
    assert recipe.schedule.chosen == MultiStep(milestones=(10, 13), gamma=0.1)
    assert [choice.chosen for choice in recipe.augment] == [RandomCrop(padding=4), HorizontalFlip(p=0.5)]


def test_a_bare_word_chooses_with_defaults():
    recipe, problems = parse("{optimizer: adamw, schedule: cosine}")
    assert problems.found == []
    assert recipe.optimizer.chosen == AdamW(lr=0.001, weight_decay=0.01)
    assert recipe.schedule.chosen == Cosine(eta_min=0)


def test_a_recipe_survives_json():
    recipe, _ = parse(
        "{optimizer: {sgd: {lr: 0.1}}, augment: [horizontal_flip], schedule: {step: {step_size: 2}}}"
    )
    assert Recipe.model_validate(json.loads(json.dumps(recipe.plain()))) == recipe


def test_python_may_use_the_short_forms_too():
    assert (
        Recipe.model_validate({"optimizer": "adam", "schedule": {"cosine": None}}).schedule.name == "cosine"
    )


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("optimizer: sdg", "1:12", "unknown optimizer 'sdg'", "did you mean 'sgd'?"),
        ("optimizer: {sdg: {lr: 0.1}}", "1:13", "unknown optimizer 'sdg'", "did you mean 'sgd'?"),
        ("schedule: cosin", "1:11", "unknown schedule 'cosin'", "did you mean 'cosine'?"),
        (
            "augment: [horizontal_flop]",
            "1:11",
            "unknown augmentation 'horizontal_flop'",
            "did you mean 'horizontal_flip'?",
        ),
        (
            "optimizer: {sgd: {lr: 1}, adam: {}}",
            "1:27",
            "two optimizers at once: 'sgd' and 'adam'",
            "keep one of them",
        ),
        (
            "optimizer: 3",
            "1:12",
            "expected one optimizer, not the number 3",
            "known optimizers: sgd, adam, adamw, nadam, radam, adamax, adagrad, adadelta, rmsprop, rprop, asgd, "
            "adafactor, lbfgs",
        ),
        ("optimzer: adam", "1:1", "unknown key 'optimzer' in the recipe", "did you mean 'optimizer'?"),
        ("optimizer: sgd", "1:12", "'optimizer.sgd' of the recipe needs 'lr'", "add `lr: …`"),
        (
            "augment: [{random_crop: {pading: 4}}]",
            "1:26",
            "unknown key 'pading' in 'augment.0.random_crop' of the recipe",
            "did you mean 'padding'?",
        ),
        (
            "schedule: {multi_step: {milestones: [13, 10]}}",
            "1:37",
            "'milestones' of the recipe: expected whole numbers that increase, not the list [13, 10]",
            "",
        ),
        (
            "optimizer: {sgd: {lr: 0.1, nesterov: true}}",
            "1:38",
            "'nesterov' of the recipe: expected false while momentum is 0, not true",
            "write `momentum: 0.9`, say, beside it",
        ),
        (
            "optimizer: {adam: {betas: [0.9]}}",
            "1:27",
            "'betas' of the recipe: expected two numbers, not the list [0.9]",
            "",
        ),
        (
            "validation: 0",
            "1:13",
            "'validation' of the recipe: expected a fraction above 0 while select is best, not the number 0",
            "hold images out, or write `select: last`",
        ),
        (
            "batch_size: 6.5",
            "1:13",
            "'batch_size' of the recipe: expected a whole number, not the number 6.5",
            "",
        ),
        ("[sgd]", "1:1", "the recipe is a mapping, not a list", ""),
    ],
)
def test_a_mistake_is_shown_at_its_word(text, place, message, hint):
    assert faults(text) == [(f"study.yaml:{place}", message, hint)]


def test_a_negative_learning_rate_is_refused_at_the_number():
    ((place, message, _),) = faults("optimizer: {sgd: {lr: -0.1}}")
    assert place == "study.yaml:1:23"
    assert message.startswith("'lr' of the recipe: expected a number above 0")


def test_all_mistakes_come_at_once():
    found = faults("epochs: 0\noptimizer: sdg\nschedule: {step: {}}\n")
    assert [place for place, _, _ in found] == ["study.yaml:1:9", "study.yaml:2:12", "study.yaml:3:12"]


def test_without_selection_nothing_need_be_held_out():
    recipe, problems = parse("{select: last, validation: 0}")
    assert problems.found == []
    assert recipe.validation == 0


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (
            "schedule: {multi_step: {milestones: [5, 30]}}",
            "1:41",
            "milestone 30 is never reached in 10 epochs",
        ),
        ("schedule: {step: {step_size: 10}}", "1:30", "a step_size of 10 is never reached in 10 epochs"),
        (
            "{epochs: 2, warmup_epochs: 2}",
            "1:28",
            "2 warmup_epochs fill all 2 epochs: the full lr is never reached",
        ),
    ],
)
def test_what_is_never_reached_is_a_warning(text, place, message):
    recipe, problems = parse(text)
    assert recipe is not None
    assert [(str(p.place), p.message) for p in problems.warnings] == [(f"study.yaml:{place}", message)]
    assert problems.errors == ()


def test_one_epoch_is_called_one():
    recipe = Recipe.model_validate(
        {"epochs": 1, "schedule": {"step": {"step_size": 2}}, "warmup_epochs": 3.0}
    )
    assert [message for _, message in never_reached(recipe)] == [
        "a step_size of 2 is never reached in 1 epoch",
        "3 warmup_epochs fill the only epoch: the full lr is never reached",
    ]


def test_exactly_one_budget_says_how_long_a_run_is():
    lengths = [
        (text, (recipe.epochs, recipe.steps, recipe.seconds, recipe.describe_length()))
        for text in (
            "{}",
            "epochs: 1",
            "steps: 5000",
            "seconds: 60",
            "seconds: 1.5",
            "epochs: ~",
            "seconds: 1",
        )
        for recipe, _ in [parse(text)]
    ]
    assert lengths == [
        ("{}", (10, None, None, "10 epochs")),
        ("epochs: 1", (1, None, None, "1 epoch")),
        ("steps: 5000", (None, 5000, None, "5,000 steps")),
        ("seconds: 60", (None, None, 60.0, "60 seconds")),
        ("seconds: 1.5", (None, None, 1.5, "1.5 seconds")),
        ("epochs: ~", (10, None, None, "10 epochs")),
        ("seconds: 1", (None, None, 1.0, "1 second")),
    ]
    assert length_in_words({}) == "an unknown time"


FULL = """
steps: 300
batch_size: 96
accumulate: 3
optimizer: {nadam: {lr: 0.01, weight_decay: 0.1}}
weight_decay_on: weights
schedule: {one_cycle: {pct_start: 0.25, anneal_strategy: linear}}
warmup_epochs: 0.5
augment:
  - transform: {name: ColorJitter, brightness: 0.2, hue: [0.1, 0.2]}
  - transform: {name: RandomRotation, degrees: 10, expand: false, interpolation: bilinear}
  - random_crop
  - cutout: {size: 6}
  - {mixup: {alpha: 0.2}}
  - cutmix
label_smoothing: 0.1
clip_gradient_norm: 1
average: ema
freeze: [stem, "layer*.0"]
freeze_statistics: false
stop_early: {patience: 3, min_delta: 0.001, metric: accuracy}
validation: 0.2
test_time_flip: true
device: cuda
precision: fp16
compile: true
data: stream
"""


def test_every_key_of_a_recipe_is_read_and_survives_json():
    recipe, problems = parse(FULL)
    assert problems.found == []
    assert set(Recipe.model_fields) - set(recipe.model_fields_set) == {
        "epochs", "seconds", "clip_gradient_value", "select"
    }  # fmt: skip
    assert recipe.average.chosen == Ema(decay=0.999)
    assert recipe.stop_early == StopEarly(patience=3, min_delta=0.001, metric="accuracy")
    steps = [choice.chosen for choice in recipe.augment]
    assert steps[3:] == [Cutout(size=6, p=1.0), Mixup(alpha=0.2), Cutmix(alpha=1.0)]
    assert (steps[0].name, steps[0].arguments) == ("ColorJitter", {"brightness": 0.2, "hue": [0.1, 0.2]})
    assert steps[1].arguments == {"degrees": 10, "expand": False, "interpolation": "bilinear"}
    assert Recipe.model_validate(json.loads(json.dumps(recipe.plain()))) == recipe
    other, _ = parse(FULL.replace("brightness: 0.2", "brightness: 0.3"))
    assert other != recipe


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (
            "average: {uniform: {start_epoch: 11}}",
            ["epoch 11 is never reached in 10 epochs: nothing is averaged"],
        ),
        ("average: {uniform: {start_epoch: 10}}", []),
        ("stop_early: {patience: 10}", ["a patience of 10 epochs is never used up in 10 epochs"]),
        ("stop_early: {patience: 9}", []),
        (
            "schedule: {cosine_restarts: {t_0: 10}}",
            ["a restart after 10 epochs is never reached in 10 epochs"],
        ),
        ("schedule: {cosine_restarts: {t_0: 9}}", []),
        (
            "schedule: {plateau: {patience: 8}}",
            ["after a patience of 8 epochs no epoch is left in 10 epochs: lr is never reduced"],
        ),
        ("schedule: {plateau: {patience: 7}}", []),
        ("weight_decay_on: weights", ["nothing decays: adam is given no weight_decay"]),
        ("{weight_decay_on: weights, optimizer: adamw}", []),
        (
            "{optimizer: rprop, schedule: cosine}",
            ["rprop finds its own steps: after the first, the learning rate changes nothing"],
        ),
        ("{steps: 10, schedule: {step: {step_size: 1000}}, warmup_epochs: 99}", []),
        ("{seconds: 10, average: {uniform: {start_epoch: 1000}}}", []),
    ],
)
def test_what_a_recipe_never_gets_is_told(text, messages):
    recipe, problems = parse(text)
    assert [message for _, message in never_reached(recipe)] == messages
    assert [problem.message for problem in problems.warnings] == messages


def test_a_plateau_warns_exactly_when_its_rule_leaves_no_epoch():
    settings = Plateau(patience=3)
    state, rates = PlateauState(), []
    for _ in range(12):  # a loss that never falls after the first epoch
        rates.append(state.reductions)
        state = state.after(settings, 1.0)
    first = rates.index(1) + 1  # the first epoch at a lower rate, counted from 1
    for epochs in range(1, 12):
        recipe = Recipe.model_validate({"epochs": epochs, "schedule": {"plateau": {"patience": 3}}})
        assert bool(never_reached(recipe)) == (epochs < first)


@pytest.mark.parametrize("word", ["gpu", "float32", "half", "bfloat16"])
def test_names_from_elsewhere_say_what_to_write(word):
    key = "device" if word == "gpu" else "precision"
    ((_, message, hint),) = faults(f"{key}: {word}")
    assert message.endswith(f"not the text '{word}'")
    assert "`" in hint


def test_a_divisor_is_proposed_that_is_one():
    for batch, parts in ((100, 8), (64, 100), (7, 2), (97, 96)):
        ((_, _, hint),) = faults(f"{{batch_size: {batch}, accumulate: {parts}}}")
        proposed = [int(word) for word in hint.removeprefix("write ").split(" or ")]
        assert proposed
        assert all(batch % number == 0 for number in proposed)
