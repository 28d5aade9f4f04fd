"""Keras 3's `fit` and `evaluate` on the back end that KERAS_BACKEND names.

MNIST is arrays in memory. CIFAR-10 is cropped and flipped image by image in a tf.data pipeline, which Keras
takes on every back end.
"""

from __future__ import annotations

import time
from importlib.metadata import version

import keras
import numpy as np
from keras import layers

from benchmarks.training.images import Arrays, load_arrays
from benchmarks.training.result import Measured
from benchmarks.training.settings import CLASSES, MEAN, STD, Settings
from benchmarks.training.timing import timed

BATCH_NORM = {"momentum": 0.9, "epsilon": 1e-5}  # torch's; its momentum counts the other way


class Clock(keras.callbacks.Callback):
    """The seconds of each training epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self.start = 0.0

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002 - Keras's signature
        """Start."""
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002 - Keras's signature
        """Stop."""
        self.seconds.append(time.perf_counter() - self.start)


def simple_cnn() -> keras.Model:
    """(N, 28, 28, 1) to logits (N, 10)."""
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.25),
            layers.Dense(CLASSES, dtype="float32"),
        ]
    )


def basic_block(x: keras.KerasTensor, channels: int, stride: int) -> keras.KerasTensor:
    """Two 3x3 convolutions and a shortcut; padded by hand, because `same` pads a stride of 2 on one side."""
    shortcut = x
    out = layers.Conv2D(channels, 3, stride, use_bias=False)(layers.ZeroPadding2D(1)(x))
    out = layers.ReLU()(layers.BatchNormalization(**BATCH_NORM)(out))
    out = layers.Conv2D(channels, 3, padding="same", use_bias=False)(out)
    out = layers.BatchNormalization(**BATCH_NORM)(out)
    if stride != 1 or x.shape[-1] != channels:
        shortcut = layers.Conv2D(channels, 1, stride, use_bias=False)(x)
        shortcut = layers.BatchNormalization(**BATCH_NORM)(shortcut)
    return layers.ReLU()(layers.Add()([out, shortcut]))


def residual_cnn() -> keras.Model:
    """(N, 32, 32, 3) to logits (N, 10)."""
    inputs = layers.Input((32, 32, 3))
    x = layers.Conv2D(32, 3, padding="same")(inputs)
    x = layers.ReLU()(layers.BatchNormalization(**BATCH_NORM)(x))
    x = basic_block(x, 32, 1)
    x = basic_block(x, 64, 2)
    x = basic_block(x, 64, 1)
    x = layers.Flatten()(layers.AveragePooling2D(4)(x))  # 16x16 to 4x4
    return keras.Model(inputs, layers.Dense(CLASSES, dtype="float32")(x))


def measure(settings: Settings) -> Measured:
    """Train and evaluate; bf16 is the policy `mixed_bfloat16`."""
    _limit_threads(settings.threads)
    keras.utils.set_random_seed(settings.seed)
    if settings.precision == "bf16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    model = simple_cnn() if settings.dataset == "mnist" else residual_cnn()
    model.compile(
        optimizer=keras.optimizers.Adam(
            settings.lr, beta_1=settings.beta_1, beta_2=settings.beta_2, epsilon=settings.eps
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    found = load_arrays(settings)
    test = _normalized(found.test_images, settings)
    clock = Clock()
    options = {"epochs": settings.epochs, "verbose": 0, "callbacks": [clock]}
    if settings.dataset == "mnist":
        train = _normalized(found.train_images, settings)
        model.fit(train, found.train_labels, batch_size=settings.batch_size, **options)
    else:
        model.fit(_augmented(found, settings), **options)

    def evaluate() -> float:
        batch = settings.evaluation_batch_size
        return float(model.evaluate(test, found.test_labels, batch_size=batch, verbose=0)[1])

    passes, accuracy = timed(evaluate, settings.evaluations)
    backend = keras.backend.backend()
    return Measured(
        train_seconds=tuple(clock.seconds),
        epoch_seconds=tuple(clock.seconds),
        evaluation_seconds=passes,
        train_images=settings.images,
        test_images=len(test),
        test_accuracy=accuracy,
        parameters=sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
        precision=settings.precision,
        versions={"keras": keras.__version__, backend: version(backend)},
    )


def _limit_threads(threads: int) -> None:
    """TensorFlow's pools; torch is limited by the worker, JAX by the environment and the cores it may use."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def _normalized(images: np.ndarray, settings: Settings) -> np.ndarray:
    mean, std = (np.asarray(of[settings.dataset], dtype=np.float32) for of in (MEAN, STD))
    return (images.astype(np.float32) / 255 - mean) / std


def _augmented(found: Arrays, settings: Settings) -> object:
    """Batches of shuffled, cropped and flipped images, as a tf.data pipeline."""
    import tensorflow as tf

    size, padding = found.train_images.shape[1], settings.crop_padding
    mean, std = (tf.constant(of[settings.dataset]) for of in (MEAN, STD))

    def augment(image: object, label: object) -> tuple[object, object]:
        image = tf.image.convert_image_dtype(image, tf.float32)
        image = tf.image.pad_to_bounding_box(image, padding, padding, size + 2 * padding, size + 2 * padding)
        image = tf.image.random_crop(image, (size, size, 3))
        if settings.flip_probability > 0:
            image = tf.image.random_flip_left_right(image)  # half of them, as the settings say
        return (image - mean) / std, label

    data = tf.data.Dataset.from_tensor_slices((found.train_images, found.train_labels))
    data = data.shuffle(len(found.train_labels)).map(augment, num_parallel_calls=settings.threads)
    options = tf.data.Options()
    options.threading.private_threadpool_size = settings.threads
    return data.batch(settings.batch_size).prefetch(2).with_options(options)
