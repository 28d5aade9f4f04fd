"""The study that compares single layers: each with its standard counterpart, or by itself.

    layers:
      affine: {custom: {affine_conv: {out: 16, kernel_size: 3}}, standard: {conv: {out: 16, kernel_size: 3}}}
      gate:   {custom: channel_attention, input: 32x8x8}

Layers are written as in architecture files. Nothing is trained, so that such a study has neither
architectures nor data sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cnnbuild.errors import Problems, UsageError
from cnnbuild.lang.files import read_yaml
from cnnbuild.lang.layer_study_document import LayerPair, LayerStudyDocument
from cnnbuild.lang.layer_study_settings import (
    NOT_HERE,
    LayerPairSettings,
    LayerStudySettings,
    parse_input,
    parse_side,
    sound_entries,
)
from cnnbuild.lang.merging import merge_maps, set_path, with_entry, without
from cnnbuild.lang.reference import split_reference
from cnnbuild.lang.sections import check_format_version
from cnnbuild.lang.source import Yaml, YamlMap, YamlScalar
from cnnbuild.lang.study_plugins import plugins_of
from cnnbuild.lang.study_settings import parse_seeds
from cnnbuild.lang.validation import place_of_key, validate
from cnnbuild.lang.variants import may_be_set, require_variant, split_variants

DEFAULT_SEEDS = (0, 1, 2)


def is_layer_study(tree: Yaml) -> bool:
    """Whether a document is a study that compares layers."""
    return isinstance(tree, YamlMap) and tree.get("study") is not None and tree.get("layers") is not None


def names_layer_study(reference: str) -> bool:
    """Whether `study.yaml@variant` names a study that compares layers.

    Raises:
        DocumentError: the file is not YAML.
        UsageError: there is no such file.
    """
    return is_layer_study(read_yaml(split_reference(reference)[0]))


def read_layer_study(
    path: Path,
    *,
    variant: str | None = None,
    settings: Mapping[str, object] | None = None,
    seeds: int | None = None,
) -> LayerStudyDocument:
    """The study in a file, one of its variants, with values changed by their path in the document.

    `settings` maps dotted paths to values ("layers.affine.input": "3x8x8"); `seeds` replaces their number.

    Raises:
        DocumentError: the file or an argument is faulty; all faults at once, those of its variants too.
        UsageError: there is no such file or no such variant, or the file compares no layers.
    """
    tree = read_yaml(path)
    if not isinstance(tree, YamlMap) or not is_layer_study(tree):
        raise UsageError(f"{path}: this study compares no layers; it has no `layers:`")
    problems = Problems()
    if tree.get("cnnbuild") is not None:
        check_format_version(tree, problems)
        problems.raise_if_any()  # another version: what its keys mean is not known here
    base, variants = split_variants(tree, problems)
    require_variant(path, variant, variants)
    asked = base if variant is None else merge_maps(base, variants[variant])
    arguments = dict(settings or {}) | ({} if seeds is None else {"seeds": seeds})
    for setting, value in arguments.items():
        if may_be_set(setting, problems):
            asked = set_path(asked, setting, value, problems)
    document = _resolve(asked, problems, file=path, variant=variant)
    for other in variants.keys() - {variant}:
        faults = Problems()
        _resolve(merge_maps(base, variants[other]), faults, file=path, variant=other)
        problems.extend(faults.errors)
    problems.raise_if_any()
    if document is None:
        raise UsageError(f"{path}: not a study")
    return document


def _resolve(
    tree: YamlMap, problems: Problems, *, file: Path, variant: str | None
) -> LayerStudyDocument | None:
    """The document that a merged tree stands for, or None after its faults were added to `problems`."""
    faults = Problems()
    entries = sound_entries(tree, faults)
    known = with_entry(_only_known(tree, faults), YamlScalar("layers", entries.place), entries)
    study = validate(LayerStudySettings, known, faults, what="the study")
    seeds_tree = tree.get("seeds")
    seeds = DEFAULT_SEEDS if seeds_tree is None else parse_seeds(seeds_tree, faults)
    size_tree = tree.get("input")
    size = None if size_tree is None else parse_input(size_tree, faults)
    plugins = plugins_of(tree, file, faults)
    pairs: list[LayerPair] = []
    for entry in entries:
        settings = study.layers.get(entry.name) if study is not None else None
        if not isinstance(entry.value, YamlMap):
            continue  # there are none such left
        custom = parse_side(entry.value, "custom", entry.name, faults)
        standard = parse_side(entry.value, "standard", entry.name, faults)
        own = entry.value.get("input")
        shape = size if own is None else parse_input(own, faults)
        if standard is None:
            _require_no_comparison(entry.name, entry.value, faults)
        if study is None or settings is None or custom is None:
            continue
        pairs.append(
            LayerPair(
                name=entry.name,
                custom=custom,
                standard=standard,
                input=shape or study.default_input,
                numbers=settings.on,
                expect=settings.expect,
                tolerance=study.tolerance if settings.tolerance is None else settings.tolerance,
                place=entry.key.place,
                description=settings.description,
            )
        )
    problems.extend(faults.errors)
    if study is None or faults.errors:
        return None
    return LayerStudyDocument(
        file=file,
        variant=variant,
        name=study.study,
        question=study.question,
        description=study.description,
        pairs=tuple(pairs),
        seeds=seeds,
        batch=study.batch,
        device=study.device,
        plugins=plugins,
    )


def _only_known(tree: YamlMap, faults: Problems) -> YamlMap:
    """The mapping without the keys of studies that train; each of these is added to `faults`."""
    for entry in tree:
        if entry.name in NOT_HERE:
            message = f"'{entry.name}' belongs to a study that trains, and this one compares layers"
            faults.add(message, entry.key.place, help=NOT_HERE[entry.name])
    return without(tree, *NOT_HERE)


def _require_no_comparison(name: str, entry: YamlMap, faults: Problems) -> None:
    """Add what asks for the outcome of a comparison where nothing is compared."""
    for key in LayerPairSettings.of_comparison:
        said = entry.get(key)
        if said is None or (isinstance(said, YamlScalar) and said.value is None):
            continue
        faults.add(
            f"'{key}' of '{name}' is about a comparison, and there is nothing to compare it with",
            place_of_key(entry, key),
            help="add the layer that it is compared with under `standard:`, or remove the key",
        )
