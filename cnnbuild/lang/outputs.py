"""`outputs:`, the heads of a network, as written: nothing evaluated, nothing looked up."""

from __future__ import annotations

from dataclasses import dataclass

from cnnbuild.errors import Problems
from cnnbuild.lang.sections import name_is_sound
from cnnbuild.lang.source import Yaml, YamlEntry, YamlMap, YamlScalar, describe
from cnnbuild.texts import did_you_mean

HEAD_KEYS = ("from", "weight", "train_only", "when")


@dataclass(frozen=True, slots=True)
class HeadNode:
    """One entry of `outputs:`. `source` names the node whose output the head is."""

    name: YamlScalar
    source: YamlScalar
    weight: Yaml | None = None
    train_only: YamlScalar | None = None
    when: YamlScalar | None = None


def parse_outputs(yaml: YamlMap, problems: Problems) -> tuple[HeadNode, ...]:
    """The heads of a document; none where it has no `outputs:`, or a faulty one."""
    written = yaml.get("outputs")
    if written is None:
        return ()
    if not isinstance(written, YamlMap) or not written.entries:
        found = "an empty mapping" if isinstance(written, YamlMap) else describe(written)
        problems.add(
            f"'outputs' is a mapping from names to nodes, not {found}",
            written.place,
            help="write `outputs: {main: logits}`, or remove it: the last node is the output then",
        )
        return ()
    heads = [_head(entry, problems) for entry in written]
    return tuple(head for head in heads if head is not None)


def _head(entry: YamlEntry, problems: Problems) -> HeadNode | None:
    if not name_is_sound(entry.key, "an output's name", problems):
        return None
    value = entry.value
    if isinstance(value, YamlScalar) and isinstance(value.value, str):
        return HeadNode(entry.key, value)
    if not isinstance(value, YamlMap):
        problems.add(
            f"the output '{entry.name}' names a node, not {describe(value)}",
            value.place,
            help=f"write `{entry.name}: logits`, or `{entry.name}: {{from: logits, weight: 0.3}}`",
        )
        return None
    for inner in value:
        if inner.name not in HEAD_KEYS:
            hint = did_you_mean(inner.name, HEAD_KEYS, listing="known keys")
            problems.add(
                f"unknown key '{inner.name}' in the output '{entry.name}'", inner.key.place, help=hint
            )
    source = value.get("from")
    if not isinstance(source, YamlScalar) or not isinstance(source.value, str):
        problems.add(
            f"the output '{entry.name}' needs `from`, the name of a node",
            entry.key.place if source is None else source.place,
            help="add `from: logits`",
        )
        return None
    flags = {key: value.get(key) for key in ("train_only", "when")}
    for key, flag in flags.items():
        if flag is not None and not isinstance(flag, YamlScalar):
            problems.add(
                f"'{key}' is true or false, not {describe(flag)}", flag.place, help="write `true` or `false`"
            )
            return None
    train_only, when = flags["train_only"], flags["when"]
    return HeadNode(
        entry.key,
        source,
        value.get("weight"),
        train_only if isinstance(train_only, YamlScalar) else None,
        when if isinstance(when, YamlScalar) else None,
    )
