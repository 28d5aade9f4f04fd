"""The forms that hold lists of layers and join what they give: residuals and named branches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cnnbuild.errors import Place
from cnnbuild.graph.context import UnresolvedError
from cnnbuild.graph.graph import Tensor
from cnnbuild.graph.levels import Frame, Level
from cnnbuild.graph.naming import Site, claim, require_name
from cnnbuild.graph.receptive_field import relative_stride
from cnnbuild.lang.nodes import SHORTCUTS, Node
from cnnbuild.lang.source import YamlMap, YamlScalar
from cnnbuild.lang.validation import place_of_key
from cnnbuild.layers.base import format_shape
from cnnbuild.layers.convolution import Conv
from cnnbuild.layers.joining import ResidualSum, ZeroPadShortcut
from cnnbuild.layers.normalization import BatchNorm
from cnnbuild.texts import did_you_mean

if TYPE_CHECKING:
    from cnnbuild.graph.elaboration import Elaboration

NAME_THE_RESIDUAL = "give the residual a `name:`, so that its shortcut has a place of its own"


def join(elaboration: Elaboration, word: str, node: Node, entering: Tensor, site: Site) -> Tensor:
    """The join of named branches that all start from `entering`."""
    if len(node.lists) < 2:
        elaboration.problems.add(
            f"'{word}' joins two or more branches",
            node.place,
            help="name each branch: `left: [...]`",
            context=site.context.trail,
        )
        raise UnresolvedError
    outputs = []
    for name, branch in node.lists.items():
        place = place_of_key(node.arguments, name)
        require_name(elaboration.problems, name, place, site.context.trail)
        if not branch:
            outputs.append(entering)
            continue
        advice = f"give this `{word}` a `name:`, so that its branches have a place of their own"
        level = Level(claim(elaboration.problems, name, place, site, advice=advice))
        outputs.append(
            elaboration.layers(branch, entering, replace(site, frame=Frame(site.frame), level=level))
        )
    layer_type = elaboration.registry.types[word]
    path = site.level.claim_for(word, node.place, site.context.route)
    return elaboration.assembly.add(layer_type(), tuple(outputs), path, node.place, site.context)


def residual(elaboration: Elaboration, node: Node, entering: Tensor, site: Site) -> Tensor:
    """The sum of a body and its shortcut (He et al. 2015, arXiv:1512.03385)."""
    body = elaboration.layers(node.lists["body"], entering, replace(site, frame=Frame(site.frame)))
    kind = _shortcut_kind(elaboration, node, entering, site)
    if kind == "none":
        return body
    if body.shape is None or entering.shape is None:
        raise UnresolvedError
    shortcut = _shortcut(elaboration, kind, node, entering, body, site)
    if shortcut.shape != body.shape and shortcut.shape is not None:
        _report_mismatch(elaboration, kind, node, body, shortcut, site)
        raise UnresolvedError
    path = site.level.claim_for("residual", node.place, site.context.route)
    return elaboration.assembly.add(ResidualSum(), (body, shortcut), path, node.place, site.context)


def _shortcut_kind(elaboration: Elaboration, node: Node, entering: Tensor, site: Site) -> str:
    """One of `SHORTCUTS`, or `layers`."""
    if "shortcut" in node.lists:
        return "layers"
    written = node.arguments.get("shortcut") if isinstance(node.arguments, YamlMap) else None
    if not isinstance(written, YamlScalar):
        return "identity"
    kind = elaboration.evaluator.scalar(written, site.context, entering)
    if kind not in SHORTCUTS:
        hint = did_you_mean(str(kind), SHORTCUTS, listing="known shortcuts")
        elaboration.problems.add(
            f"unknown shortcut '{kind}'", written.place, help=hint, context=site.context.trail
        )
        raise UnresolvedError
    return str(kind)


def _shortcut(
    elaboration: Elaboration, kind: str, node: Node, entering: Tensor, body: Tensor, site: Site
) -> Tensor:
    """The tensor that is added to the body's output."""
    if kind == "layers":
        level = Level((*site.level.path, "shortcut"))
        inner = replace(site, frame=Frame(site.frame), level=level)
        begin = len(elaboration.assembly.nodes)
        output = elaboration.layers(node.lists["shortcut"], entering, inner)
        if len(elaboration.assembly.nodes) > begin:  # `when` may drop all of them, and then it needs no name
            claim(elaboration.problems, "shortcut", node.place, site, advice=NAME_THE_RESIDUAL)
        return output
    if kind == "identity":
        return entering
    if body.shape is None or entering.shape is None or len(body.shape) != 3 or len(entering.shape) != 3:
        elaboration.problems.add(
            f"`shortcut: {kind}` is for maps (C, H, W), and here the body makes "
            f"{format_shape(body.shape or ())} of {format_shape(entering.shape or ())}",
            place_of_shortcut(node),
            help="write `shortcut:` with a list of layers",
            context=site.context.trail,
        )
        raise UnresolvedError
    stride = _stride(elaboration, node, entering, body, site)
    if stride == (1, 1) and entering.shape[0] == body.shape[0]:
        return entering
    if kind == "zero_pad":
        pad = ZeroPadShortcut(out_channels=body.shape[0], stride=stride)
        path = claim(elaboration.problems, "shortcut", node.place, site, advice=NAME_THE_RESIDUAL)
        return elaboration.assembly.add(pad, (entering,), path, node.place, site.context)
    level = Level(claim(elaboration.problems, "shortcut", node.place, site, advice=NAME_THE_RESIDUAL))
    conv = Conv(out_channels=body.shape[0], kernel_size=(1, 1), stride=stride, bias=False)
    projected = elaboration.assembly.add(
        conv, (entering,), level.claim("conv", node.place), node.place, site.context
    )
    if "norm" in node.lists:
        (norm,) = node.lists["norm"]
        named = replace(norm, name=YamlScalar("norm", norm.place))
        return elaboration.layers((named,), projected, replace(site, frame=Frame(site.frame), level=level))
    return elaboration.assembly.add(
        BatchNorm(), (projected,), level.claim("norm", node.place), node.place, site.context
    )


def _stride(
    elaboration: Elaboration, node: Node, entering: Tensor, body: Tensor, site: Site
) -> tuple[int, int]:
    """The body's stride, which the shortcut must share."""
    steps = relative_stride(entering.field, body.field)
    if steps is not None and all(step.denominator == 1 for step in steps):
        return int(steps[0]), int(steps[1])
    if (
        steps is None
        and body.shape is not None
        and entering.shape is not None
        and body.shape[1:] == entering.shape[1:]
    ):
        return 1, 1
    elaboration.problems.add(
        "the stride of this residual's body cannot be told (it pools globally or upsamples)",
        place_of_shortcut(node),
        help="write `shortcut:` with a list of layers",
        context=site.context.trail,
    )
    raise UnresolvedError


def place_of_shortcut(node: Node) -> Place:
    """Where the kind of a shortcut stands, or the residual itself."""
    written = node.arguments.get("shortcut") if isinstance(node.arguments, YamlMap) else None
    return written.place if isinstance(written, YamlScalar) else node.place


def _report_mismatch(
    elaboration: Elaboration, kind: str, node: Node, body: Tensor, shortcut: Tensor, site: Site
) -> None:
    before, after = shortcut.shape or (), body.shape or ()
    what = "the shortcut's layers give" if kind == "layers" else f"the {kind} shortcut gives"
    maps = len(before) == 3 and len(after) == 3
    hint = "make the two shapes equal"
    if maps and kind == "identity":
        hint = "write `shortcut: projection`"
    elif maps and kind != "layers":
        hint = "pad the body's convolutions (`padding: half`), so that only strides change height and width"
    elaboration.problems.add(
        f"residual: the body gives {format_shape(after)} and {what} {format_shape(before)}",
        place_of_shortcut(node),
        help=hint,
        context=(*elaboration.assembly.sources((body, shortcut)), *site.context.trail),
    )
