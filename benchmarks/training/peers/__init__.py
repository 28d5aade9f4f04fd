"""One module per way of training, each with `measure(settings) -> Measured`, loaded by name in a child.

A missing framework shows as ModuleNotFoundError when its module is imported.
"""

from __future__ import annotations

MODULES = {
    "cnnbuild": "product",
    "textbook": "textbook",
    "lightning": "lightning_trainer",
    "fabric": "lightning_fabric",
    "keras-tensorflow": "keras_fit",
    "keras-torch": "keras_fit",
    "keras-jax": "keras_fit",
    "skorch": "skorch_fit",
    "fastai": "fastai_fit",
}
LABELS = {
    "cnnbuild": "cnnbuild",
    "textbook": "textbook torch loop",
    "lightning": "Lightning Trainer",
    "fabric": "Lightning Fabric",
    "keras-tensorflow": "Keras 3 on TensorFlow",
    "keras-torch": "Keras 3 on torch",
    "keras-jax": "Keras 3 on JAX",
    "skorch": "skorch",
    "fastai": "fastai",
}
