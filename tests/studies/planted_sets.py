"""The runs that thresholds were set on, and others of other networks that they were then tried on.

Both lists were fixed and committed before the first threshold was set, and have not been changed since.
"""

from __future__ import annotations

from tests.studies.planted_runs import Plant


def conv(channels: int, **more: int) -> str:
    extra = "".join(f", {name}: {value}" for name, value in more.items())
    return f"conv: {{out_channels: {channels}, kernel_size: 3, padding: half{extra}}}"


def lines(*layers: str) -> str:
    return "\n".join(layers)


CLASSIFIER = "linear: $data.classes"

TUNING_NETWORKS = {
    "perceptron": lines("flatten", "linear: 64", "relu", CLASSIFIER),
    "tanh": lines("flatten", "linear: 48", "tanh", "linear: 32", "tanh", CLASSIFIER),
    "sigmoid": lines("flatten", "linear: 64", "sigmoid", CLASSIFIER),
    "convs": lines(conv(8), "relu", "max_pool: 2", conv(16), "relu", "flatten", CLASSIFIER),
    "convs_bn": lines(conv(8), "batch_norm", "relu", "max_pool: 2", conv(16), "batch_norm", "relu", "flatten", CLASSIFIER),
    "leaky": lines(conv(12), "leaky_relu", "max_pool: 2", "flatten", "linear: 32", "leaky_relu", CLASSIFIER),
    "residual_bn": lines(conv(8), "batch_norm", "relu", "basic: 8", "global_avg_pool", "flatten", CLASSIFIER),
    "wide": lines("flatten", "linear: 256", "relu", "linear: 64", "relu", CLASSIFIER),
    "deep_relu": lines("flatten", *["linear: 64", "relu"] * 15, CLASSIFIER),
    "deep_conv": lines(*[conv(8), "relu"] * 14, "flatten", CLASSIFIER),
    "deep_sigmoid": lines("flatten", *["linear: 48", "sigmoid"] * 7, CLASSIFIER),
}  # fmt: skip

TUNING = (
    Plant("rate", "perceptron", "sgd", 1e3),
    Plant("rate", "convs", "sgd", 10.0, momentum=0.9),
    Plant("rate", "convs", "adam", 0.3),
    Plant("rate", "wide", "adam", 1.0, seed=1),
    Plant("rate", "wide", "rmsprop", 0.3),
    Plant("rate", "tanh", "sgd", 100.0),
    Plant("rate", "sigmoid", "sgd", 100.0),
    Plant("rate", "leaky", "adamw", 1.0),
    Plant("rate", "convs_bn", "adam", 3.0),
    Plant("rate", "residual_bn", "sgd", 100.0),
    Plant("rate", "perceptron", "sgd", 1e30),
    Plant("input", "perceptron", "adam", 1e-3),
    Plant("input", "convs_bn", "sgd", 0.1, input="mean"),
    Plant("input", "convs", "adam", 1e-3, input="one image", seed=1),
    Plant("input", "leaky", "sgd", 0.05, input="one image", seed=2),
    Plant("bias", "perceptron", "adam", 1e-3),
    Plant("bias", "convs", "sgd", 0.05, momentum=0.9),
    Plant("bias", "wide", "adam", 3e-3, seed=1),
    Plant("bias", "convs", "adamw", 1e-3, seed=2),
    Plant("depth", "deep_relu", "sgd", 0.05, momentum=0.9),
    Plant("depth", "deep_relu", "adam", 1e-3, seed=1),
    Plant("depth", "deep_conv", "sgd", 0.05),
    Plant("depth", "deep_conv", "sgd", 0.02, momentum=0.9, seed=1),
    Plant("depth", "deep_sigmoid", "sgd", 0.1),
    Plant("labels", "wide", "adam", 2e-3, epochs=15),
    Plant("labels", "convs", "adam", 3e-3, epochs=15, seed=1),
    Plant("labels", "convs_bn", "adam", 3e-3, epochs=12),
    Plant("labels", "perceptron", "sgd", 0.1, epochs=20, momentum=0.9),
    Plant("labels", "tanh", "adam", 3e-3, epochs=15, seed=2, images=600),
    Plant("tiny", "perceptron", "adam", 1e-6),
    Plant("tiny", "convs", "sgd", 1e-5),
    Plant("tiny", "convs_bn", "adam", 1e-7),
    Plant("tiny", "tanh", "sgd", 1e-6, momentum=0.9),
    Plant("healthy", "perceptron", "adam", 3e-3, epochs=8),
    Plant("healthy", "convs", "adam", 3e-3, epochs=8),
    Plant("healthy", "convs_bn", "sgd", 0.05, momentum=0.9, epochs=8),
    Plant("healthy", "tanh", "sgd", 0.05, momentum=0.9, epochs=8),
    Plant("healthy", "leaky", "adamw", 3e-3, epochs=8),
    Plant("healthy", "residual_bn", "adam", 1e-2, epochs=12),
    Plant("healthy", "sigmoid", "adam", 1e-2, epochs=8),
)

OTHER_NETWORKS = {
    "three_linear": lines("flatten", "linear: 100", "relu", "linear: 50", "relu", CLASSIFIER),
    "lenet": lines(conv(6), "tanh", "avg_pool: 2", conv(16), "tanh", "flatten", "linear: 60", "tanh", CLASSIFIER),
    "gelu": lines(conv(16), "gelu", "max_pool: 2", conv(24), "gelu", "flatten", CLASSIFIER),
    "silu_bn": lines(conv(12), "batch_norm", "silu", conv(12), "batch_norm", "silu", "max_pool: 2", "flatten", CLASSIFIER),
    "layer_norm": lines("flatten", "linear: 64", "layer_norm: all", "relu", "linear: 32", "layer_norm: all", "relu", CLASSIFIER),
    "group_norm": lines(conv(16), "group_norm: 4", "relu", conv(16), "group_norm: 4", "relu", "flatten", CLASSIFIER),
    "strided": lines(conv(16, stride=2), "relu6", conv(32, stride=2), "relu6", "flatten", "linear: 32", "relu6", CLASSIFIER),
    "elu": lines(conv(10), "elu", "max_pool: 2", "flatten", "linear: 40", "elu", CLASSIFIER),
    "separable": lines(conv(16), "batch_norm", "relu", conv(16, groups=16), "batch_norm", "relu",
                       "conv: {out_channels: 32, kernel_size: 1}", "batch_norm", "relu", "max_pool: 2", "flatten", CLASSIFIER),
    "one_conv": lines(conv(20), "relu", "flatten", CLASSIFIER),
    "averaged": lines(conv(16), "relu", conv(32), "relu", "global_avg_pool", "flatten", CLASSIFIER),
    "dropped": lines("flatten", "linear: 128", "relu", "dropout: 0.3", "linear: 64", "relu", "dropout: 0.3", CLASSIFIER),
    "shallow": lines("flatten", "linear: 20", "mish", CLASSIFIER),
    "plain_20": lines("flatten", *["linear: 40", "relu"] * 20, CLASSIFIER),
    "plain_12": lines("flatten", *["linear: 100", "relu"] * 12, CLASSIFIER),
    "plain_conv_18": lines(*[conv(12), "relu"] * 9, "max_pool: 2", *[conv(12), "relu"] * 9, "flatten", CLASSIFIER),
    "plain_tanh_30": lines("flatten", *["linear: 32", "tanh"] * 30, CLASSIFIER),
    "plain_sigmoid_conv": lines(*[conv(8), "sigmoid"] * 6, "flatten", "linear: 32", "sigmoid", CLASSIFIER),
}  # fmt: skip

OTHERS = (
    Plant("rate", "three_linear", "sgd", 100.0),
    Plant("rate", "three_linear", "adam", 0.5, seed=1),
    Plant("rate", "lenet", "sgd", 50.0, momentum=0.9),
    Plant("rate", "lenet", "adam", 3.0, seed=1),
    Plant("rate", "gelu", "adam", 0.5),
    Plant("rate", "gelu", "sgd", 1e6),
    Plant("rate", "silu_bn", "adam", 10.0),
    Plant("rate", "layer_norm", "sgd", 1e3),
    Plant("rate", "group_norm", "rmsprop", 1.0),
    Plant("rate", "strided", "adamw", 0.5),
    Plant("rate", "strided", "nadam", 0.5, seed=1),
    Plant("rate", "elu", "sgd", 30.0),
    Plant("rate", "separable", "sgd", 1e3),
    Plant("rate", "one_conv", "adam", 10.0, seed=2),
    Plant("rate", "averaged", "adam", 1.0),
    Plant("rate", "dropped", "sgd", 20.0, momentum=0.9),
    Plant("input", "three_linear", "sgd", 0.1),
    Plant("input", "gelu", "adam", 1e-3, input="mean"),
    Plant("input", "separable", "adam", 3e-3),
    Plant("input", "strided", "adam", 1e-3, input="one image", seed=1),
    Plant("input", "lenet", "sgd", 0.05, input="one image", seed=2),
    Plant("input", "layer_norm", "adamw", 3e-3, input="one image", seed=3),
    Plant("bias", "three_linear", "adam", 1e-3),
    Plant("bias", "three_linear", "sgd", 0.1, seed=1),
    Plant("bias", "strided", "adam", 3e-3),
    Plant("bias", "one_conv", "adamw", 1e-3),
    Plant("bias", "averaged", "rmsprop", 1e-3),
    Plant("bias", "dropped", "sgd", 0.05, momentum=0.9),
    Plant("bias", "gelu", "adam", 1e-3, seed=1),
    Plant("depth", "plain_20", "sgd", 0.05, momentum=0.9),
    Plant("depth", "plain_20", "adam", 1e-3, seed=1),
    Plant("depth", "plain_12", "sgd", 0.05),
    Plant("depth", "plain_conv_18", "sgd", 0.05, momentum=0.9),
    Plant("depth", "plain_conv_18", "sgd", 0.1, seed=1),
    Plant("depth", "plain_tanh_30", "sgd", 0.02),
    Plant("depth", "plain_sigmoid_conv", "sgd", 0.1),
    Plant("depth", "plain_sigmoid_conv", "sgd", 0.05, momentum=0.9, seed=1),
    Plant("labels", "three_linear", "adam", 3e-3, epochs=15),
    Plant("labels", "gelu", "adam", 3e-3, epochs=12),
    Plant("labels", "silu_bn", "adam", 3e-3, epochs=10),
    Plant("labels", "group_norm", "adamw", 3e-3, epochs=12),
    Plant("labels", "strided", "adam", 3e-3, epochs=15, seed=1),
    Plant("labels", "one_conv", "sgd", 0.05, momentum=0.9, epochs=15),
    Plant("labels", "elu", "adam", 3e-3, epochs=15, images=700),
    Plant("labels", "layer_norm", "adam", 5e-3, epochs=15, seed=2),
    Plant("tiny", "three_linear", "adam", 1e-7),
    Plant("tiny", "gelu", "sgd", 1e-6),
    Plant("tiny", "silu_bn", "adamw", 1e-6),
    Plant("tiny", "layer_norm", "sgd", 1e-5),
    Plant("tiny", "strided", "rmsprop", 1e-7),
    Plant("tiny", "one_conv", "sgd", 1e-6, momentum=0.9),
    Plant("tiny", "elu", "adam", 1e-6, seed=1),
    Plant("healthy", "three_linear", "adam", 2e-3, epochs=8),
    Plant("healthy", "lenet", "sgd", 0.1, momentum=0.9, epochs=8),
    Plant("healthy", "gelu", "adam", 3e-3, epochs=8),
    Plant("healthy", "silu_bn", "sgd", 0.05, momentum=0.9, epochs=6),
    Plant("healthy", "group_norm", "adamw", 2e-3, epochs=6),
    Plant("healthy", "separable", "adam", 1e-2, epochs=6),
    Plant("healthy", "dropped", "adam", 3e-3, epochs=10),
    Plant("healthy", "shallow", "rmsprop", 3e-3, epochs=10),
)
