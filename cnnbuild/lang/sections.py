"""The parts of a document's top level: texts, mappings, and the names that they declare."""

from __future__ import annotations

import re

from cnnbuild.errors import Problems
from cnnbuild.lang.source import YamlEntry, YamlMap, YamlScalar, describe
from cnnbuild.texts import shortened

RESERVED_NAMES = frozenset(
    {"data", "in", "block", "prev", "i", "true", "false", "null", "and", "or", "not", "if", "else"}
)
FORMAT_VERSION = 1
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def text_of(yaml: YamlMap, name: str, problems: Problems) -> str:
    """A text of the top level; empty where it is absent or faulty."""
    value = yaml.get(name)
    if value is None:
        return ""
    if isinstance(value, YamlScalar) and value.value is not None:
        return value.text
    problems.add(
        f"'{name}' is a text, not {describe(value)}", value.place, help="write one, or remove the key"
    )
    return ""


def section(yaml: YamlMap, name: str, problems: Problems) -> tuple[YamlEntry, ...]:
    """The entries of a mapping section; none where it is absent or faulty."""
    value = yaml.get(name)
    if value is None:
        return ()
    if isinstance(value, YamlMap):
        return value.entries
    problems.add(
        f"'{name}' is a mapping, not {describe(value)}",
        value.place,
        help="write `name: value` pairs under it, or remove it",
    )
    return ()


def named_section(yaml: YamlMap, name: str, problems: Problems) -> dict[str, YamlEntry]:
    """The entries of a section whose keys are names that expressions may use; the others are reported."""
    found = {}
    for entry in section(yaml, name, problems):
        if name_is_sound(entry.key, f"a name in '{name}'", problems):
            found[entry.name] = entry
    return found


def name_is_sound(key: YamlScalar, what: str, problems: Problems) -> bool:
    """Whether a key can be a name in expressions; where not, that is reported."""
    name = str(key.value)
    if name in RESERVED_NAMES:
        problems.add(f"'{name}' is a word of the language", key.place, help="choose another name")
        return False
    if not _NAME.fullmatch(name):
        problems.add(
            f"{what} is made of letters, digits and '_', and begins with no digit, "
            f"unlike '{shortened(name)}'",
            key.place,
            help="choose another name",
        )
        return False
    return True


def check_format_version(yaml: YamlMap, problems: Problems) -> None:
    """Report a missing or unknown `cnnbuild:` version."""
    version = yaml.get("cnnbuild")
    if version is None:
        problems.add(
            "the file does not say its format version",
            yaml.place,
            help=f"add `cnnbuild: {FORMAT_VERSION}` at the top",
        )
    elif not isinstance(version, YamlScalar) or version.value != FORMAT_VERSION or version.value is True:
        problems.add(
            f"this version of cnnbuild reads format {FORMAT_VERSION}, not {describe(version)}",
            version.place,
            help=f"write `cnnbuild: {FORMAT_VERSION}`",
        )
