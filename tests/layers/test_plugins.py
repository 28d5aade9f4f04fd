"""Layer types from outside: both ways of adding one, and what is said of a plugin that cannot be used."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from torch import Tensor, nn

from cnnbuild.errors import DocumentError, UsageError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.lang.architecture import read_architecture
from cnnbuild.layers.base import Layer, Shape
from cnnbuild.layers.measured import layer
from cnnbuild.layers.plugins import registry_with
from cnnbuild.modules.build import build_module

CONTRACT = DataContract("pictures", 3, 8, 8, 10)

SCALED = """
    import torch
    from torch import Tensor, nn

    from cnnbuild.layers.measured import layer


    @layer("scaled_relu", primary="scale", sight="pixel")
    class ScaledRelu(nn.Module):
        def __init__(self, num_channels: int, scale: float = 1.0) -> None:
            super().__init__()
            self.slope = nn.Parameter(torch.full((num_channels, 1, 1), scale))

        def forward(self, x: Tensor) -> Tensor:
            return x.relu() * self.slope
"""

DOUBLED = """
    from __future__ import annotations

    from cnnbuild.layers.base import Layer, Shape


    class Doubled(Layer):
        \"\"\"Twice its input.\"\"\"

        type_name = "doubled"

        def output_shape(self, *inputs: Shape) -> Shape:
            return inputs[0]

        def build(self, *inputs: Shape):
            from torch import nn

            class Module(nn.Module):
                def forward(self, x):
                    return 2 * x

            return Module()
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(dedent(text).lstrip(), encoding="utf-8")
    return path


def architecture(folder: Path, *layers: str) -> Path:
    lines = ["cnnbuild: 1", "layers:", *(f"  - {layer}" for layer in layers), "  - flatten", "  - linear: 10"]
    return written(folder, "net.yaml", "\n".join(lines) + "\n")


def refusal(plugin: Path | type) -> str:
    with pytest.raises(UsageError) as caught:
        registry_with([plugin])
    return str(caught.value)


def test_a_file_adds_a_marked_module(tmp_path: Path) -> None:
    registry = registry_with([written(tmp_path, "mine.py", SCALED)])
    document = read_architecture(architecture(tmp_path, "scaled_relu: 2", "scaled_relu"))
    graph = elaborate(document, CONTRACT, registry=registry)
    assert [(node.name, node.shape, node.parameters) for node in graph.nodes[:2]] == [
        ("scaled_relu_1", (3, 8, 8), 3),
        ("scaled_relu_2", (3, 8, 8), 3),
    ]
    module = build_module(graph)
    assert module.get_parameter("scaled_relu_1.slope").flatten().tolist() == [2, 2, 2]
    assert module.get_parameter("scaled_relu_2.slope").flatten().tolist() == [1, 1, 1]


def test_a_file_adds_a_layer_class(tmp_path: Path) -> None:
    registry = registry_with([written(tmp_path, "mine.py", DOUBLED)])
    graph = elaborate(read_architecture(architecture(tmp_path, "doubled")), CONTRACT, registry=registry)
    image = torch.rand(1, 3, 8, 8)
    assert torch.equal(build_module(graph).get_submodule("doubled_1")(image), 2 * image)


def test_a_class_is_a_plugin_too_and_the_standard_types_stay(tmp_path: Path) -> None:
    @layer("negated", sight="pixel")
    class Negated(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return -x

    registry = registry_with([Negated, written(tmp_path, "mine.py", DOUBLED)])
    assert {"negated", "doubled", "conv"} <= set(registry.types)
    assert {"negated", "doubled"}.isdisjoint(registry_with([]).types)
    assert registry.types["negated"]().output_shape((3, 4, 4)) == (3, 4, 4)


def test_a_parameter_may_be_a_list(tmp_path: Path) -> None:
    @layer("shifted", primary="shifts", sight="pixel")
    class Shifted(nn.Module):
        def __init__(self, shifts: list[float]) -> None:
            super().__init__()
            self.register_buffer("shifts", torch.tensor(shifts).reshape(-1, 1, 1))

        def forward(self, x: Tensor) -> Tensor:
            return x + self.shifts

    document = read_architecture(architecture(tmp_path, "shifted: [1, 2, 3]"))
    graph = elaborate(document, CONTRACT, registry=registry_with([Shifted]))
    assert graph.nodes[0].buffers == 3


def test_what_nobody_declared_to_see_has_no_receptive_field(tmp_path: Path) -> None:
    @layer("mystery")
    class Mystery(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flip(-1)

    document = read_architecture(architecture(tmp_path, "mystery", "relu"))
    graph = elaborate(document, CONTRACT, registry=registry_with([Mystery]))
    assert [node.field for node in graph.nodes] == [None] * 4


def test_a_missing_plugin_file_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.py"
    assert refusal(missing) == f"{missing}: there is no such plugin file"


def test_a_plugin_that_is_no_python_file_is_refused(tmp_path: Path) -> None:
    plugin = written(tmp_path, "mine.yaml", "layers: []")
    assert refusal(plugin) == f"{plugin}: a plugin is a Python file (.py)"


def test_a_syntax_error_is_told_with_its_line(tmp_path: Path) -> None:
    plugin = written(tmp_path, "mine.py", "import torch\n\ndef broken(:\n")
    assert refusal(plugin) == (
        f"{plugin}:3: the plugin cannot be loaded: SyntaxError: invalid syntax (mine.py, line 3)"
    )


def test_an_error_while_a_plugin_loads_is_told(tmp_path: Path) -> None:
    plugin = written(tmp_path, "mine.py", "import no_such_package\n")
    assert refusal(plugin) == (
        f"{plugin}:1: the plugin cannot be loaded: ModuleNotFoundError: No module named 'no_such_package'"
    )


def test_a_plugin_without_layers_says_how_to_write_one(tmp_path: Path) -> None:
    plugin = written(tmp_path, "mine.py", "from cnnbuild.layers.convolution import Conv\n")
    assert refusal(plugin) == (
        f"{plugin}: the file defines no layer type; subclass cnnbuild.Layer or mark a module with "
        "@cnnbuild.layer(…)"
    )


@pytest.mark.parametrize("name", ["conv", "residual", "foreach"])
def test_a_taken_name_is_refused(tmp_path: Path, name: str) -> None:
    plugin = written(tmp_path, "mine.py", SCALED.replace("scaled_relu", name))
    assert refusal(plugin) == f"the layer type '{name}' exists already; give yours another name"


def test_a_name_that_is_no_word_is_refused(tmp_path: Path) -> None:
    plugin = written(tmp_path, "mine.py", SCALED.replace("scaled_relu", "scaled-relu"))
    assert refusal(plugin) == "ScaledRelu: type_name is a word of letters, digits and '_', not 'scaled-relu'"


def test_a_missing_type_hint_is_named(tmp_path: Path) -> None:
    plugin = written(tmp_path, "mine.py", SCALED.replace("scale: float = 1.0", "scale=1.0"))
    assert refusal(plugin) == (
        "ScaledRelu.__init__: the parameter 'scale' needs a type hint (and no stars), so that YAML can be "
        "checked against it"
    )


def test_starred_parameters_are_refused(tmp_path: Path) -> None:
    plugin = written(
        tmp_path, "mine.py", SCALED.replace("scale: float = 1.0", "scale: float = 1.0, **rest: int")
    )
    assert refusal(plugin) == (
        "ScaledRelu.__init__: the parameter 'rest' needs a type hint (and no stars), so that YAML can be "
        "checked against it"
    )


def test_a_type_hint_that_yaml_cannot_have_is_refused(tmp_path: Path) -> None:
    plugin = written(tmp_path, "mine.py", SCALED.replace("scale: float = 1.0", "scale: Tensor"))
    assert refusal(plugin).startswith(
        "ScaledRelu.__init__: YAML cannot be checked against its hints: "
        "Unable to generate pydantic-core schema for <class 'torch.Tensor'>."
    )


def test_a_type_hint_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    text = "from __future__ import annotations\n" + dedent(SCALED).replace("scale: float", "scale: Number")
    plugin = written(tmp_path, "mine.py", text)
    assert refusal(plugin) == (
        "ScaledRelu.__init__: a type hint cannot be resolved: name 'Number' is not defined"
    )


def test_a_parameter_that_every_layer_type_has_is_refused(tmp_path: Path) -> None:
    plugin = written(
        tmp_path, "mine.py", SCALED.replace("scale: float", "macs: float").replace('="scale"', "=None")
    )
    assert refusal(plugin) == "ScaledRelu.__init__: a parameter of a layer type cannot be called 'macs'"


def test_a_misspelt_primary_parameter_is_refused(tmp_path: Path) -> None:
    plugin = written(tmp_path, "mine.py", SCALED.replace('primary="scale"', 'primary="scales"'))
    assert refusal(plugin) == "ScaledRelu: primary='scales' is not a parameter of its __init__"


def test_a_class_that_is_no_layer_is_refused() -> None:
    assert refusal(nn.ReLU) == "ReLU is not a torch.nn.Module marked with @cnnbuild.layer(…)"


def test_a_layer_class_that_lacks_a_method_is_refused() -> None:
    class Half(Layer):
        type_name = "half"

        def output_shape(self, *inputs: Shape) -> Shape:
            return inputs[0]

    assert refusal(Half) == "Half: a layer type must define 'build'"


def test_a_module_that_cannot_be_applied_is_told_at_its_line(tmp_path: Path) -> None:
    @layer("needs_two", sight="pixel")
    class NeedsTwo(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError(f"{x.shape[1]} channels are an odd number")

    path = architecture(tmp_path, "relu", "needs_two")
    with pytest.raises(DocumentError) as caught:
        elaborate(read_architecture(path), CONTRACT, registry=registry_with([NeedsTwo]))
    assert str(caught.value) == dedent(
        f"""\
        {path}:4:5: error: needs_two: its module cannot be applied to (3, 8, 8): ValueError: 3 channels are an odd number
            4 |   - needs_two
              |     ^^^^^^^^^
              = (3, 8, 8) comes from 'relu_1', line 3"""
    )


def test_a_module_that_returns_no_tensor_is_told_at_its_line(tmp_path: Path) -> None:
    @layer("pair", sight="pixel")
    class Pair(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x, x

    path = architecture(tmp_path, "pair")
    with pytest.raises(DocumentError) as caught:
        elaborate(read_architecture(path), CONTRACT, registry=registry_with([Pair]))
    assert [problem.message for problem in caught.value.problems] == [
        "pair: its module returns tuple, not a tensor"
    ]


def test_an_argument_of_a_plugin_is_checked_like_any_other(tmp_path: Path) -> None:
    registry = registry_with([written(tmp_path, "mine.py", SCALED)])
    path = architecture(tmp_path, "scaled_relu: {scale: big, num_channels: 3}")
    with pytest.raises(DocumentError) as caught:
        elaborate(read_architecture(path), CONTRACT, registry=registry)
    assert [(problem.message, problem.help) for problem in caught.value.problems] == [
        ("'scaled_relu' has no parameter 'num_channels'", "remove it: it is known from the layer's input")
    ]


def test_an_annotated_hint_limits_a_parameter_and_says_what_it_means(tmp_path: Path) -> None:
    text = dedent(SCALED).replace(
        "scale: float", 'scale: Annotated[float, Field(ge=0, description="the slope at the start")]'
    )
    text = f"from typing import Annotated\nfrom pydantic import Field\n{text}"
    registry = registry_with([written(tmp_path, "mine.py", text)])
    assert registry.types["scaled_relu"].model_fields["scale"].description == "the slope at the start"
    path = architecture(tmp_path, "scaled_relu: -1")
    with pytest.raises(DocumentError) as caught:
        elaborate(read_architecture(path), CONTRACT, registry=registry)
    assert [problem.message for problem in caught.value.problems] == [
        "'scale' of scaled_relu: expected a number of at least 0.0, not the number -1"
    ]


def install(folder: Path, code: str, value: str) -> None:
    """A package with layer types, as pip would leave it."""
    (folder / "waves.py").write_text(code)
    info = folder / "waves-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: waves\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[cnnbuild.layers]\nwaves = {value}\n")


def test_an_installed_package_offers_layer_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import torch\nfrom torch import nn\nimport cnnbuild\n\n"
        "@cnnbuild.layer('sine', sight='pixel')\nclass Sine(nn.Module):\n"
        "    def forward(self, x):\n        return torch.sin(x)\n"
    )
    install(tmp_path, code, "waves")
    assert "sine" not in registry_with(())
    monkeypatch.syspath_prepend(str(tmp_path))
    found = registry_with(()).get("sine")
    assert found is not None
    assert found().output_shape((3, 4, 5)) == (3, 4, 5)


def test_an_installed_package_that_cannot_be_loaded_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "", "waves:Missing")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "waves", raising=False)
    with pytest.raises(UsageError) as caught:
        registry_with(())
    assert str(caught.value) == (
        "the layer types of the package 'waves' cannot be loaded: "
        "AttributeError: module 'waves' has no attribute 'Missing'"
    )


def test_two_plugin_files_of_one_name_do_not_replace_each_other(tmp_path: Path) -> None:
    files = []
    for word in ("one", "two"):
        folder = tmp_path / word
        folder.mkdir()
        (folder / "layers.py").write_text(
            "from torch import nn\nimport cnnbuild\n\n"
            f"@cnnbuild.layer('{word}', sight='pixel')\nclass Own(nn.Module):\n"
            "    def forward(self, x):\n        return x\n"
        )
        files.append(folder / "layers.py")
    registry = registry_with(files)
    one, two = registry.types["one"], registry.types["two"]
    assert sys.modules[one.__module__] is not sys.modules[two.__module__]
