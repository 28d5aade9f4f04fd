"""`outputs`: what a network with several heads gives, computes and lets go in either mode."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.modules.build import build_module

NETWORK = """\
cnnbuild: 1
name: headed
layers:
  - conv: {out_channels: 4, kernel_size: 3, padding: half}
    name: stem
  - foreach: {n: [1, 2]}
    name: stage$(n)
    do:
      - conv: {out_channels: 4, kernel_size: 3, padding: half}
      - batch_norm
      - relu
  - global_avg_pool:
    from: stage1
  - flatten
  - dropout: 0.5
  - linear: $data.classes
    name: aux
  - flatten:
    from: stage2
  - linear: $data.classes
    name: logits
outputs:
  main: logits
  auxiliary: {from: aux, weight: 0.3, train_only: true}
"""
BOTH = NETWORK.replace(", train_only: true", "")


def graph_of(text: str) -> Graph:
    return elaborate(parse_architecture(parse_yaml(text, "net.yaml")), DataContract("data", 3, 8, 8, 10))


def images() -> Tensor:
    return torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))


class ByHand(nn.Module):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        for name in ("stem", "stage1", "stage2", "aux", "logits"):
            self.add_module(name, copy.deepcopy(module.get_submodule(name)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first = self.stage1(self.stem(x))
        aux = nn.functional.dropout(first.mean((2, 3)), 0.5, self.training)
        return self.logits(self.stage2(first).flatten(1)), self.aux(aux)


def counted(module: nn.Module) -> dict[str, int]:
    calls: dict[str, int] = {}
    for name, child in module.named_modules():
        if name and not list(child.children()):
            child.register_forward_hook(lambda *_, name=name: calls.update({name: calls.get(name, 0) + 1}))
    return calls


def test_in_training_every_head_is_given_the_main_one_first() -> None:
    torch.manual_seed(0)
    module = build_module(graph_of(NETWORK)).train()
    by_hand = ByHand(module).train()
    torch.manual_seed(7)
    output = module(images())
    torch.manual_seed(7)
    main, aux = by_hand(images())
    assert list(output) == ["main", "auxiliary"]
    torch.testing.assert_close(output["main"], main, rtol=0, atol=0)
    torch.testing.assert_close(output["auxiliary"], aux)


def test_in_evaluation_what_only_train_only_heads_need_is_not_computed() -> None:
    module = build_module(graph_of(NETWORK))
    calls = counted(module)
    module.train()(images())
    everything = set(calls)
    assert everything == {
        "stem", "stage1.conv_1", "stage1.batch_norm_1", "stage1.relu_1", "stage2.conv_1", "stage2.batch_norm_1",
        "stage2.relu_1", "global_avg_pool_1", "flatten_1", "dropout_1", "aux", "flatten_2", "logits",
    }  # fmt: skip
    calls.clear()
    output = module.eval()(images())
    assert everything - set(calls) == {"global_avg_pool_1", "flatten_1", "dropout_1", "aux"}
    assert set(calls.values()) == {1}
    main, _ = ByHand(module).eval()(images())
    torch.testing.assert_close(output, main, rtol=0, atol=0)


def test_several_heads_that_are_tested_stay_a_mapping() -> None:
    module = build_module(graph_of(BOTH)).eval()
    output = module(images())
    main, aux = ByHand(module).eval()(images())
    assert list(output) == ["main", "auxiliary"]
    torch.testing.assert_close(output["main"], main, rtol=0, atol=0)
    torch.testing.assert_close(output["auxiliary"], aux)


def test_parameters_and_multiply_adds_count_every_head() -> None:
    graph = graph_of(NETWORK)
    module = build_module(graph)
    assert graph.parameters == sum(parameter.numel() for parameter in module.parameters())
    with FlopCounterMode(display=False) as counter:
        module.train()(images()[:2])
    assert graph.macs == counter.get_total_flops() // 2 // 2  # two images


def test_a_head_in_the_middle_of_a_chain_and_a_last_node_that_is_for_training() -> None:
    text = (
        "cnnbuild: 1\nlayers:\n  - flatten\n  - linear: $data.classes\n    name: first\n  - relu\n"
        "  - linear: $data.classes\n    name: second\n"
        "outputs: {main: first, extra: {from: second, train_only: true}}\n"
    )
    module = build_module(graph_of(text))
    first, second = module.get_submodule("first"), module.get_submodule("second")
    expected = first(images().flatten(1))
    output = module.train()(images())
    torch.testing.assert_close(output["main"], expected, rtol=0, atol=0)
    torch.testing.assert_close(output["extra"], second(expected.relu()), rtol=0, atol=0)
    calls = counted(module)
    torch.testing.assert_close(module.eval()(images()), expected, rtol=0, atol=0)
    assert calls == {"flatten_1": 1, "first": 1}


def test_heads_may_be_rows_and_share_a_classifier() -> None:
    text = (
        "cnnbuild: 1\nlayers:\n  - foreach: {n: [1, 2]}\n    name: stage$(n)\n    do:\n"
        "      - conv: {out_channels: 4, kernel_size: 3, padding: half}\n"
        "  - flatten:\n    from: stage1\n  - linear: $data.classes\n    name: early\n"
        "  - flatten:\n    from: stage2\n  - share: early\n    name: late\n"
        "outputs: {main: late, exit: {from: early, weight: 0.5}}\n"
    )
    module = build_module(graph_of(text)).eval()
    first = module.get_submodule("stage1")(images())
    classifier = module.get_submodule("early")
    output = module(images())
    torch.testing.assert_close(output["exit"], classifier(first.flatten(1)), rtol=0, atol=0)
    second = module.get_submodule("stage2")(first)
    torch.testing.assert_close(output["main"], classifier(second.flatten(1)), rtol=0, atol=0)
    assert sum("early" in key for key in module.state_dict()) == 2


def test_both_modes_are_copied_compiled_and_exported() -> None:
    torch.manual_seed(0)
    for text in (NETWORK, BOTH):
        module = build_module(graph_of(text)).eval()
        expected = module(images())
        copied = copy.deepcopy(module)
        torch._dynamo.reset()
        compiled = torch.compile(module, backend="eager", fullgraph=True)
        exported = torch.export.export(module, (images(),)).module()
        for network in (copied, compiled, exported):
            torch.testing.assert_close(network(images()), expected)
        assert set(torch.export.export(module, (images(),)).state_dict) == set(module.state_dict())
        compiled.train()
        assert list(compiled(images())) == ["main", "auxiliary"]  # the mode is not baked in


def test_print_reads_like_a_network_of_one_head() -> None:
    assert "\n".join(str(build_module(graph_of(NETWORK))).split("\n")[:3]) == (
        "Headed(\n  global_avg_pool_1 <- stage1\n  flatten_2 <- stage2"
    )
