"""One of several things: a mapping with exactly one key, or a bare word.

optimizer: adam
optimizer: {sgd: {lr: 0.1}}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import model_validator

from cnnbuild.errors import Problems
from cnnbuild.lang.source import Yaml, YamlEntry, YamlMap, YamlScalar, describe
from cnnbuild.lang.validation import Settings, models_in
from cnnbuild.texts import did_you_mean


class Choice(Settings):
    """A mapping with exactly one key; a bare word is that key with its defaults."""

    noun: ClassVar[str] = "choice"
    refused: ClassVar[Mapping[str, str]] = {}
    """Words that a reader may expect and that cannot be chosen, each with the reason."""

    @model_validator(mode="before")
    @classmethod
    def _spell_out(cls, data: object) -> object:
        if isinstance(data, str):
            return {data: {}}
        if isinstance(data, Mapping) and len(data) == 1:
            return {key: {} if value is None else value for key, value in data.items()}
        return data

    @model_validator(mode="after")
    def _exactly_one(self) -> Choice:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"expected exactly one of {', '.join(type(self).model_fields)}")
        return self

    @property
    def name(self) -> str:
        """The word that was chosen."""
        return next(iter(self.model_fields_set))


def spell_out(choice: type[Choice], value: Yaml, problems: Problems) -> YamlMap | None:
    """The choice as a mapping of one known word to its settings, or None after its faults were added.

    The word keeps its place, so that every later message points at it.
    """
    known = list(choice.model_fields)
    listing = f"known {choice.noun}s"
    if isinstance(value, YamlScalar) and isinstance(value.value, str):
        value = YamlMap((YamlEntry(value, YamlMap((), value.place)),), value.place)
    if not isinstance(value, YamlMap) or not value.entries:
        found = "an empty mapping" if isinstance(value, YamlMap) else describe(value)
        problems.add(
            f"expected one {choice.noun}, not {found}", value.place, help=f"{listing}: {', '.join(known)}"
        )
        return None
    unknown = [entry for entry in value if entry.name not in known]
    for entry in unknown:
        if entry.name in choice.refused:
            reason = f"the {choice.noun} '{entry.name}' {choice.refused[entry.name]}"
            problems.add(reason, entry.key.place, help=f"{listing}: {', '.join(known)}")
            continue
        hint = _inside(choice, entry) or did_you_mean(entry.name, known, listing=listing)
        problems.add(f"unknown {choice.noun} '{entry.name}'", entry.key.place, help=hint)
    if len(value.entries) > 1 and not unknown:
        first, second = value.entries[:2]
        message = f"two {choice.noun}s at once: '{first.name}' and '{second.name}'"
        problems.add(message, second.key.place, help="keep one of them")
        return None
    if unknown:
        return None
    only = value.entries[0]
    if isinstance(only.value, YamlScalar) and only.value.value is None:
        only = YamlEntry(only.key, YamlMap((), only.key.place))
    return YamlMap((only,), value.place)


def _inside(choice: type[Choice], entry: YamlEntry) -> str:
    """Where to write a setting that stands in the place of the word that it is for, if it is one."""
    for name, field in choice.model_fields.items():
        if any(entry.name in model.model_fields for model in models_in(field.annotation)):
            text = entry.value.text if isinstance(entry.value, YamlScalar) and entry.value.text else "…"
            example = f"`{{{name}: {{{entry.name}: {text}}}}}`"
            return f"'{entry.name}' is a setting: name the {choice.noun} first, {example}"
    return ""
