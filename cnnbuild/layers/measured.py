"""A layer type made from a plain `nn.Module`: its type hints say the parameters, the meta device the shapes.

    @cnnbuild.layer("scaled_relu", primary="scale")
    class ScaledRelu(nn.Module):
        def __init__(self, num_channels: int, scale: float = 1.0) -> None: ...

`num_channels`, `in_channels`, `num_features` and `in_features` are not parameters of the YAML: they are
supplied from the input, the first one where there are several. What an output sees of the input cannot be
measured from shapes; without `sight` it is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from inspect import Parameter, signature
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias, TypeVar, get_type_hints

from pydantic import PydanticUserError, create_model

from cnnbuild.errors import UsageError
from cnnbuild.layers.base import (
    SEES_EVERYTHING,
    SEES_ITS_PIXEL,
    Example,
    Layer,
    Shape,
    ShapeError,
    Sight,
    format_shape,
)
from cnnbuild.layers.measured_keeping import measure_kept, measure_working
from cnnbuild.layers.memory import Held, Kept
from cnnbuild.layers.parameters import SUPPLIED

if TYPE_CHECKING:
    from torch import nn

SightDeclaration: TypeAlias = "Literal['pixel', 'everything'] | Callable[..., Sight] | None"
IMAGES = 2  # with one, a module that mixes the images of a batch would not be found out
MARK = "__cnnbuild_layer__"

Class = TypeVar("Class", bound=type)


@dataclass(frozen=True, slots=True)
class Declaration:
    """What `@layer(…)` was told."""

    type_name: str
    primary: str | None
    sight: SightDeclaration
    several_inputs: bool
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a module turned out to be, for given inputs."""

    shape: Shape
    weights: dict[str, Shape]
    buffers: dict[str, Shape]
    macs: int


def layer(
    type_name: str,
    *,
    primary: str | None = None,
    sight: SightDeclaration = None,
    several_inputs: bool = False,
    examples: Iterable[Example] = (),
) -> Callable[[Class], Class]:
    """Mark an `nn.Module` as the layer type `type_name`.

    `sight` says what an output sees: its own `pixel`, `everything`, or a function of the parameters that
    gives a `Reach` for height and width. With `several_inputs` its `forward` takes two tensors or more, and
    the sight is that of each. The class itself is returned unchanged.
    """

    def mark(module_class: Class) -> Class:
        declaration = Declaration(type_name, primary, sight, several_inputs, tuple(examples))
        setattr(module_class, MARK, declaration)
        return module_class

    return mark


class MeasuredLayer(Layer):
    """The base of the layer types that `layer_type_from` makes."""

    module_class: ClassVar[type[nn.Module]]
    declaration: ClassVar[Declaration]
    supplied: ClassVar[tuple[str, ...]] = ()

    def __hash__(self) -> int:
        return hash((type(self), repr(self)))  # values may be lists

    def output_shape(self, *inputs: Shape) -> Shape:
        """Measured on the meta device."""
        return self._measure(inputs).shape

    def sight(self, *inputs: Shape) -> Sight:  # noqa: ARG002
        """As declared; None where it was not."""
        match self.declaration.sight:
            case None:
                return None
            case "pixel":
                return SEES_ITS_PIXEL
            case "everything":
                return SEES_EVERYTHING
            case function:
                return function(**self._arguments())

    def weight_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """Those of the module."""
        return self._measure(inputs).weights

    def buffer_shapes(self, *inputs: Shape) -> dict[str, Shape]:
        """Those of the module."""
        return self._measure(inputs).buffers

    def macs(self, *inputs: Shape) -> int:
        """Counted by torch's own counter of floating-point operations, halved."""
        return self._measure(inputs).macs

    def kept_for_backward(self, *inputs: Shape) -> Kept:
        """What the module saves on the meta device; where it cannot be trained there, its inputs."""
        kept = measure_kept(self, inputs)
        return super().kept_for_backward(*inputs) if kept is None else kept

    def working_memory(self, *inputs: Shape) -> tuple[Held, ...]:
        """What is alive while the module evaluates on the meta device."""
        return (measure_working(self, inputs),)

    def build(self, *inputs: Shape) -> nn.Module:
        """The module, its channels supplied by the first input."""
        return self.module_class(**dict.fromkeys(self.supplied, inputs[0][0]), **self._arguments())

    def _arguments(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in type(self).model_fields}

    def _measure(self, inputs: tuple[Shape, ...]) -> Measurement:
        return _measure(self, inputs)


@lru_cache(maxsize=1024)
def _measure(layer: MeasuredLayer, inputs: tuple[Shape, ...]) -> Measurement:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    shapes = " and ".join(format_shape(shape) for shape in inputs)
    try:
        with torch.device("meta"):
            module = layer.build(*inputs).eval()
            counter = FlopCounterMode(display=False)
            with counter:
                output = module(*(torch.empty(IMAGES, *shape) for shape in inputs))
    except Exception as error:  # noqa: BLE001 - the user's own code may raise anything
        raise ShapeError(
            f"{layer.type_name}: its module cannot be applied to {shapes}: {type(error).__name__}: {error}"
        ) from None
    if not isinstance(output, torch.Tensor):
        raise ShapeError(f"{layer.type_name}: its module returns {type(output).__name__}, not a tensor")
    if output.shape[:1] != (IMAGES,):
        found = format_shape(tuple(output.shape))
        raise ShapeError(f"{layer.type_name}: its module makes {found} of {IMAGES} images {shapes}")
    return Measurement(
        tuple(output.shape[1:]),
        {name: tuple(weight.shape) for name, weight in module.named_parameters()},
        {name: tuple(buffer.shape) for name, buffer in module.named_buffers()},
        counter.get_total_flops() // 2 // IMAGES,
    )


def layer_type_from(module_class: type) -> type[Layer]:
    """The layer type of a class that was marked with `@layer(…)`.

    Raises:
        UsageError: the class is no marked `nn.Module`, its `forward` takes another number of tensors than was
            declared, or a type hint of its `__init__` is of no use.
    """
    from torch import nn

    declaration = getattr(module_class, MARK, None)
    if not isinstance(declaration, Declaration) or not issubclass(module_class, nn.Module):
        raise UsageError(f"{module_class.__name__} is not a torch.nn.Module marked with @cnnbuild.layer(…)")
    _require_forward(module_class, several_inputs=declaration.several_inputs)
    own_constructor = module_class.__init__ is not nn.Module.__init__
    supplied, fields = _parameters_of(module_class) if own_constructor else ((), {})
    if declaration.primary is not None and declaration.primary not in fields:
        raise UsageError(
            f"{module_class.__name__}: primary='{declaration.primary}' is not a parameter of its __init__"
        )
    model: type[MeasuredLayer] = create_model(  # type: ignore[call-overload]
        module_class.__name__,
        __base__=MeasuredLayer,
        __module__=module_class.__module__,
        __doc__=module_class.__doc__,
        **fields,
    )
    try:
        model.model_rebuild()
    except PydanticUserError as error:
        raise UsageError(
            f"{module_class.__name__}.__init__: YAML cannot be checked against its hints: {error.message}"
        ) from error
    model.type_name = declaration.type_name
    model.primary = declaration.primary
    model.several_inputs = declaration.several_inputs
    model.examples = declaration.examples
    model.declaration = declaration
    model.module_class = module_class
    model.supplied = supplied
    return model


def _require_forward(module_class: type[nn.Module], *, several_inputs: bool) -> None:
    """Do nothing if `forward` takes one tensor, or several where that was declared.

    Raises:
        UsageError: it takes another number.
    """
    parameters = list(signature(module_class.forward).parameters.values())[1:]
    positional = [p for p in parameters if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    needed = sum(p.default is Parameter.empty for p in positional)
    starred = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if several_inputs and len(positional) < 2 and not starred:
        raise UsageError(
            f"{module_class.__name__}: several_inputs=True, but its forward takes fewer than two tensors"
        )
    if not several_inputs and needed > 1:
        raise UsageError(
            f"{module_class.__name__}: its forward takes {needed} tensors; declare several_inputs=True"
        )


def _parameters_of(module_class: type) -> tuple[tuple[str, ...], dict[str, tuple[object, object]]]:
    """The parameters of `__init__` that the input supplies, and those of the YAML with hint and default.

    Raises:
        UsageError: one has no type hint, has stars, or is called like something that every layer type has.
    """
    constructor = getattr(module_class, "__init__")  # noqa: B009 - mypy forbids it as an attribute
    where = f"{module_class.__name__}.__init__"
    try:
        hints = get_type_hints(constructor, include_extras=True)  # `Annotated` holds limits and meanings
    except NameError as error:
        raise UsageError(f"{where}: a type hint cannot be resolved: {error}") from error
    supplied: list[str] = []
    fields: dict[str, tuple[object, object]] = {}
    for name, parameter in list(signature(constructor).parameters.items())[1:]:
        if name in SUPPLIED:
            supplied.append(name)
            continue
        if parameter.kind in {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD} or name not in hints:
            raise UsageError(
                f"{where}: the parameter '{name}' needs a type hint (and no stars), "
                "so that YAML can be checked against it"
            )
        if hasattr(MeasuredLayer, name) or name.startswith("_"):
            raise UsageError(f"{where}: a parameter of a layer type cannot be called '{name}'")
        fields[name] = (hints[name], ... if parameter.default is Parameter.empty else parameter.default)
    return tuple(supplied), fields
