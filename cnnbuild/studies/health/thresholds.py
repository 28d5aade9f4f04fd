"""From which figure on something is wrong, with its source.

What has no other source was set on the 40 runs of `tests/studies/planted_sets.py` whose causes were planted.
Sources: AutoTrainer (Zhang et al. 2021, ICSE), the rules of SageMaker Debugger, the course notes of CS231n.
"""

from __future__ import annotations

RISEN_UNTRAINED = 2.0
"""Times the loss at the start or of guessing: so high it rose in a run that did not learn (healthy: 1.1)."""

RISEN_TRAINED = 5.0
"""The same in a run that learned after all: higher, since many a sound run begins with a small leap."""

DEAD_LAYER = 0.9
"""Share of a layer's units that give 0 on every image, from which on it passes next to nothing on."""

PARTLY_DEAD = 0.7
"""Share of a layer's units, AutoTrainer's for zero gradients. Half did no harm to naming digits."""

VANISHING_RATIO = 1e-3
"""First layer's mean absolute gradient over the last layer's: AutoTrainer."""

VANISHING_NORM = 1e-4
"""L2 norm of the first layer's gradient, which must be small as well: AutoTrainer."""

EXPLODING_RATIO = 70.0
"""First layer's mean absolute gradient over the last layer's: AutoTrainer."""

SMALL_UPDATE = 1e-5
"""Update over weight, per step: about 1e-3 is healthy (CS231n); a hundredth of that."""

LARGE_UPDATE = 1e-1
"""Update over weight, per step: a hundred times what is healthy."""

SHORT_WAY = 0.03
"""Median update over weight, times steps: weights that moved less in all have not left where they began."""

HARDLY_FALLEN = 0.95
"""Share of the loss of guessing, above which a training loss has hardly fallen."""

LITTLE_ABOVE_CHANCE = 3.0
"""Times the share of the largest class. Images of a class are alike and fall together, so that a network that
learned nothing may name more of them rightly than chance would: up to 17 % were seen of ten classes."""

CLEAR_GAP = 4.0
"""Standard errors between the accuracies on training and on test images that chance does not bring about."""

LARGE_GAP = 0.3
"""Training accuracy minus test accuracy, both in evaluation mode."""

EVALUATION_JUMP = 0.5
"""Nats by which the loss on training images in evaluation mode is above the epoch's running loss; it is below
where nothing is wrong, for it is measured after the epoch, without augmentation and dropout."""

EXTREME_RATE = 1.0
"""A learning rate above it may take a loss from guessing to infinity in one step; below, the loss rises."""

FEW_STEPS = 2
"""Steps that are too few to see a loss rise."""
