"""Files of any length, in three ways of writing: a list, calls of a block, and named layers with joins."""

TAIL = "  - global_avg_pool\n  - flatten\n  - linear: $data.classes\n"


def flat(layers: int) -> str:
    """Convolutions, normalisations and activations in one list."""
    unit = "  - conv: {out_channels: 16, kernel_size: 3, padding: 1}\n  - batch_norm\n  - relu\n"
    return f"cnnbuild: 1\nlayers:\n{unit * (layers // 3)}{TAIL}"


def in_blocks(layers: int) -> str:
    """The same as calls of a block with a parameter, three layers each."""
    block = (
        "blocks:\n  unit:\n    params: {out_channels: int}\n    layers:\n"
        "      - conv: {out_channels: $out_channels, kernel_size: 3, padding: half}\n"
        "      - batch_norm\n      - relu\n"
    )
    return "cnnbuild: 1\n" + block + "layers:\n" + "  - unit: 16\n" * (layers // 3) + TAIL


def joined(layers: int) -> str:
    """Named layers, and after every third an addition of two of them by name."""
    lines = ["cnnbuild: 1\nlayers:\n  - conv: {out_channels: 16, kernel_size: 1}\n    name: join0\n"]
    lines += [
        f"  - conv: {{out_channels: 16, kernel_size: 3, padding: 1}}\n    name: conv{n}\n"
        f"  - batch_norm:\n    name: norm{n}\n  - relu:\n    name: relu{n}\n"
        f"  - add: [relu{n}, join{n - 1}]\n    name: join{n}\n"
        for n in range(1, layers // 4 + 1)
    ]
    return "".join(lines) + TAIL
