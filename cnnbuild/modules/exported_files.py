"""A network as a file for other programs: ONNX, and torch's own format `.pt2`.

Each file is read back and run beside the module before anybody gets it, on another number of images than it
was made with.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from importlib.util import find_spec
from inspect import signature

import torch
from torch import Tensor, nn

from cnnbuild.errors import UsageError

ONNX_PACKAGES = ("onnx", "onnxruntime", "onnxscript")
TOLERANCE = 1e-5
"""Of the largest output: how far another program's may be off in float32."""

TORCHSCRIPT = (
    "TorchScript is deprecated: torch itself warns of it and proposes torch.export; write "
    "--torch-export net.pt2 for torch, or --onnx net.onnx for other programs"
)
MADE_WITH, CHECKED_WITH = 2, 5  # images


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file's content, and the largest difference of its outputs from the module's, as a share of the
    largest output.
    """

    content: bytes
    difference: float


def require_onnx() -> None:
    """Do nothing if ONNX files can be written and checked.

    Raises:
        UsageError: packages are missing.
    """
    if missing := [name for name in ONNX_PACKAGES if find_spec(name) is None]:
        listed = ", ".join(missing)
        raise UsageError(f"ONNX files need {listed}, not installed here: pip install 'cnnbuild[onnx]'")


def onnx_file(
    module: nn.Module, shape: tuple[int, int, int], *, notes: Mapping[str, str] | None = None
) -> ExportedFile:
    """A network as ONNX, from `images` (batch, C, H, W) to `logits` (batch, classes), for any batch.

    onnxruntime must give what torch gives. `notes` are kept in the file, as `metadata_props`.

    Raises:
        UsageError: packages are missing, or the network cannot be exported.
    """
    require_onnx()
    import onnx
    from onnxruntime import InferenceSession

    with _in_evaluation(module), _quiet("torch.onnx", "onnxscript", "onnx_ir"):
        try:
            program = torch.onnx.export(
                module,
                (_images(shape, MADE_WITH),),
                input_names=["images"],
                output_names=["logits"],
                dynamic_shapes=_any_batch(module),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        except Exception as error:
            raise _cannot("ONNX", error) from error
        if program is None:
            raise UsageError("the network cannot be written as ONNX: torch gives no program")
        proto = program.model_proto
        for key, value in (notes or {}).items():
            proto.metadata_props.add(key=key, value=value)
        onnx.checker.check_model(proto)
        content: bytes = proto.SerializeToString()
        session = InferenceSession(content, providers=["CPUExecutionProvider"])
        images = _images(shape, CHECKED_WITH)
        (given,) = session.run(None, {"images": images.numpy()})
        return ExportedFile(content, _difference(module, images, torch.from_numpy(given), "ONNX"))


def torch_export_file(
    module: nn.Module, shape: tuple[int, int, int], *, notes: Mapping[str, str] | None = None
) -> ExportedFile:
    """A network as torch.export writes it, for any batch: `torch.export.load(FILE).module()(images)`.

    `notes` are kept in the file, as `extra_files`.

    Raises:
        UsageError: the network cannot be exported.
    """
    with _in_evaluation(module):
        try:
            program = torch.export.export(
                _with_memory_of_its_own(module),
                (_images(shape, MADE_WITH),),
                dynamic_shapes=_any_batch(module),
            )
        except Exception as error:
            raise _cannot("a file of torch.export", error) from error
        buffer = io.BytesIO()
        torch.export.save(program, buffer, extra_files=dict(notes or {}))
        content = buffer.getvalue()
        images = _images(shape, CHECKED_WITH)
        with torch.no_grad():
            given = torch.export.load(io.BytesIO(content)).module()(images)
        return ExportedFile(content, _difference(module, images, given, "torch.export"))


def _with_memory_of_its_own(module: nn.Module) -> nn.Module:
    """A copy whose weights lie in memory of their own and in torch's usual order.

    Of a weight with its channels last, as training may leave it, torch.export warns that it is not complete.
    """
    copied = deepcopy(module)
    for tensor in (*copied.parameters(), *copied.buffers()):
        tensor.data = tensor.data.clone(memory_format=torch.contiguous_format)
    return copied


def _any_batch(module: nn.Module) -> tuple[object, ...]:
    """What says to torch that the first axis may have any length, in the form of the module's `forward`.

    A network with joins takes `*images`, one tuple for torch.export.
    """
    batch = {0: torch.export.Dim("batch")}
    (first, *_) = signature(module.forward).parameters.values()
    return ((batch,),) if first.kind is first.VAR_POSITIONAL else (batch,)


def _images(shape: tuple[int, int, int], number: int) -> Tensor:
    return torch.rand(number, *shape, generator=torch.Generator().manual_seed(number)) * 2 - 1


def _difference(module: nn.Module, images: Tensor, given: Tensor, what: str) -> float:
    """How far outputs are from the module's, as a share of the largest.

    Raises:
        UsageError: farther than another order of summation explains.
    """
    with torch.no_grad():
        expected = module(images)
    if given.shape != expected.shape:
        raise UsageError(
            f"{what} gives outputs {tuple(given.shape)} where torch gives {tuple(expected.shape)}"
        )
    difference = float((given - expected).abs().max() / expected.abs().max().clamp_min(1e-30))
    if not difference <= TOLERANCE:
        raise UsageError(
            f"{what} computes something else: outputs differ by {difference:.2g} of "
            "the largest; no file was written"
        )
    return difference


def _cannot(what: str, error: Exception) -> UsageError:
    said = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return UsageError(f"the network cannot be written as {what}: {said}")


@contextmanager
def _in_evaluation(module: nn.Module) -> Iterator[None]:
    """Within it the module is in evaluation mode."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Within it some loggers say nothing but errors: how far an exporter has come is nobody's concern."""
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
