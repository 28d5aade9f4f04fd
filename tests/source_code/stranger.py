"""Run alone: loads written files where cnnbuild cannot be imported, and tells what differs from the built modules.

Argument: JSON, for each network its name, its file, and its class; beside each file is a `.pt` with what to expect.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

sys.modules["cnnbuild"] = None  # from here on, importing it fails

import torch  # noqa: E402


def main() -> None:
    torch.set_num_threads(1)
    told = {}
    for name, file, class_name in json.loads(sys.argv[1]):
        spec = importlib.util.spec_from_file_location(Path(file).stem, file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        told[name] = list(faults(getattr(module, class_name), torch.load(Path(file).with_suffix(".pt"))))
    print(json.dumps(told))


def faults(network: type[torch.nn.Module], expected: dict):
    torch.manual_seed(1)
    model = network()
    initial = model.state_dict()
    if list(initial) != list(expected["initial"]):
        yield "the keys of the state_dict, or their order"
    elif not same(initial, expected["initial"]):
        yield "the weights at the beginning"
    model.load_state_dict(expected["initial"], strict=True)
    for mode in ("eval", "train"):
        torch.manual_seed(2)
        output = model.train(mode == "train")(expected["images"])
        if not same(output, expected[mode]):
            yield f"the output in {mode}"
    heads = output if isinstance(output, dict) else {"": output}
    sum(head.square().sum() for head in heads.values()).backward()
    if not same({name: weight.grad for name, weight in model.named_parameters()}, expected["gradients"]):
        yield "the gradients"
    if not same(model.state_dict(), expected["after"]):
        yield "the buffers after training"


def same(one: object, other: object) -> bool:
    """Whether two tensors, or two dictionaries of them in one order, are the same to the bit."""
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    return (one is None and other is None) or torch.equal(one, other)


if __name__ == "__main__":
    main()
