"""Files of blocks, and `uses:`, which brings the blocks of other files into scope."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from cnnbuild.errors import DocumentError, Place, Problem, Problems, UsageError
from cnnbuild.lang.blocks import parse_blocks
from cnnbuild.lang.files import read_yaml
from cnnbuild.lang.scope import Scope
from cnnbuild.lang.sections import check_format_version, section, text_of
from cnnbuild.lang.source import Yaml, YamlList, YamlMap, YamlScalar, describe
from cnnbuild.lang.validation import place_of_key
from cnnbuild.texts import did_you_mean, shortened

LIBRARY_KEYS = ("cnnbuild", "name", "description", "source", "uses", "defaults", "blocks")
MAX_FILES = 100  # that one file may use, directly or through others
PROJECT_MARKS = ("pyproject.toml", ".git")
"""What stands in the top folder of a project."""


@dataclass(frozen=True, slots=True)
class Library:
    """A file of blocks. `faults` are kept in it, as an architecture keeps its own."""

    scope: Scope
    description: str
    source: str
    faults: tuple[Problem, ...]
    place: Place


def read_library(path: Path) -> Library:
    """A file of blocks, checked for form.

    Raises:
        DocumentError: the file is not YAML, or no file of blocks at all.
        UsageError: the file cannot be read.
    """
    return parse_library(read_yaml(path))


def parse_library(yaml: Yaml, *, standard: bool = False) -> Library:
    """A YAML tree as a file of blocks, checked for form.

    Raises:
        DocumentError: the tree is no mapping, is of another format version, or holds a network or a study.
    """
    problems = Problems()
    uses = Uses(problems)
    return _parse(yaml, uses, standard=standard)


def is_library(yaml: Yaml) -> bool:
    """Whether a tree is a file of blocks, and neither a network nor a study."""
    return isinstance(yaml, YamlMap) and yaml.get("blocks") is not None and not _other_kind(yaml)


def _other_kind(yaml: YamlMap) -> str:
    return next((key for key in ("layers", "study") if yaml.get(key) is not None), "")


@dataclass(slots=True)
class Uses:
    """The files that one document uses, each read once; faults of all of them go to `problems`.

    `chain` are the files whose `uses` are being read, outermost first.
    """

    problems: Problems
    read: dict[str, Scope] = field(default_factory=dict)
    chain: tuple[str, ...] = ()

    def scopes(self, yaml: YamlMap) -> tuple[Scope, ...]:
        """The scopes of the files under `uses:`; what cannot be used was reported."""
        written = yaml.get("uses")
        if written is None:
            return ()
        if not isinstance(written, YamlList):
            self.problems.add(
                f"'uses' is a list of files, not {describe(written)}",
                written.place,
                help="write `uses: [blocks/attention.yaml]`",
            )
            return ()
        found: dict[str, Scope] = {}
        owners: dict[str, str] = {}
        for item in written:
            scope = self._scope(item)
            if scope is None:
                continue
            if scope.file in found:
                self.problems.add("this file is used twice", item.place, help="remove one of the two")
                continue
            found[scope.file] = scope
            for name in scope.blocks:
                if name in owners:
                    self.problems.add(
                        f"the block '{name}' is in this file and in '{owners[name]}'",
                        item.place,
                        help="rename one of them, or move what both need to one file",
                    )
                owners.setdefault(name, scope.file)
        return tuple(found.values())

    def _scope(self, item: Yaml) -> Scope | None:
        if not isinstance(item, YamlScalar) or not isinstance(item.value, str) or not item.value:
            self.problems.add(
                f"a used file is a relative path, not {describe(item)}",
                item.place,
                help="write `uses: [blocks/attention.yaml]`",
            )
            return None
        importing = Path(item.place.file)
        path = Path(os.path.normpath(importing.parent / item.value))
        if not self._is_allowed(item, importing, path):
            return None
        if str(path) in self.chain or path.resolve() == importing.resolve():
            self.problems.add(
                f"'{shortened(item.value)}' uses this file in turn",
                item.place,
                help="move what both need to a third file",
            )
            return None
        if str(path) not in self.read:
            self._read(item, path)
        return self.read.get(str(path))

    def _is_allowed(self, item: YamlScalar, importing: Path, path: Path) -> bool:
        """Whether a path is relative and stays under the importing file's folder or its project."""
        said = shortened(str(item.value))
        if Path(str(item.value)).is_absolute() or "\\" in str(item.value) or ":" in str(item.value):
            self.problems.add(
                f"'{said}' is not a relative path",
                item.place,
                help="count from the folder of this file, with '/'",
            )
            return False
        root = _project(importing.resolve().parent)
        if not path.resolve().is_relative_to(root):
            self.problems.add(
                f"'{said}' lies outside the project",
                item.place,
                help=f"a file may use what lies under its own folder, or under the folder that holds "
                f"{' or '.join(PROJECT_MARKS)}",
            )
            return False
        return True

    def _read(self, item: YamlScalar, path: Path) -> None:
        """Read a used file, and report what is wrong with it."""
        if len(self.read) >= MAX_FILES:
            self.problems.add(f"more than {MAX_FILES} files are used", item.place, help="use fewer files")
            return
        chain = self.chain
        self.chain = (*chain, str(Path(os.path.normpath(item.place.file))))
        try:
            self.read[str(path)] = _parse(read_yaml(path), self, standard=False).scope
        except DocumentError as error:
            self.problems.extend(error.problems)
        except UsageError as error:
            said = f"'{shortened(str(item.value))}': {str(error).removeprefix(f'{path}: ')}"
            self.problems.add(said, item.place, help="paths count from the folder of this file")
        finally:
            self.chain = chain


def _parse(yaml: Yaml, uses: Uses, *, standard: bool) -> Library:
    problems = uses.problems
    if not isinstance(yaml, YamlMap):
        message = f"a file of blocks is a mapping, not {describe(yaml)}"
        raise DocumentError([Problem(message, yaml.place, "start with `cnnbuild: 1`, then `blocks:`")])
    if key := _other_kind(yaml):
        message = f"this file is {'a study' if key == 'study' else 'a network'}, not a file of blocks"
        hint = "move its blocks to a file of their own, without `layers:`"
        raise DocumentError([Problem(message, place_of_key(yaml, key), hint)])
    check_format_version(yaml, problems)
    for entry in yaml:
        if entry.name not in LIBRARY_KEYS:
            hint = did_you_mean(entry.name, LIBRARY_KEYS, listing="known keys")
            if entry.name in {"vars", "variants"}:
                hint = "a block sees only its parameters: declare what varies under its `params:`"
            problems.add(
                f"unknown key '{shortened(entry.name)}' in a file of blocks", entry.key.place, help=hint
            )
    if yaml.get("blocks") is None:
        problems.add(
            "a file of blocks needs `blocks:`", yaml.place, help="write `blocks:` and a name under it"
        )
    text_of(yaml, "name", problems)
    description, source = text_of(yaml, "description", problems), text_of(yaml, "source", problems)
    scope = parse_scope(yaml, uses, standard=standard)
    return Library(scope, description, source, problems.errors, yaml.place)


def parse_scope(yaml: YamlMap, uses: Uses, *, standard: bool = False) -> Scope:
    """The blocks and defaults of a document, and what it uses."""
    problems = uses.problems
    found_before = len(problems.found)
    used = uses.scopes(yaml)
    incomplete = len(problems.found) > found_before
    blocks = parse_blocks(yaml, problems)
    for scope in used:
        for name, block in blocks.items():
            if name in scope.blocks:
                problems.add(
                    f"the block '{name}' is in the used file '{scope.file}' too",
                    block.place,
                    help="give this one another name",
                )
    return Scope(
        file=yaml.place.file,
        blocks=blocks,
        defaults=_defaults(yaml, problems),
        default_places={entry.name: entry.key.place for entry in section(yaml, "defaults", Problems())},
        used=used,
        standard=standard,
        incomplete=incomplete,
    )


def _defaults(yaml: YamlMap, problems: Problems) -> dict[str, YamlMap]:
    defaults: dict[str, YamlMap] = {}
    for entry in section(yaml, "defaults", problems):
        if isinstance(entry.value, YamlMap):
            defaults[entry.name] = entry.value
        else:
            problems.add(
                f"the defaults of '{entry.name}' are a mapping of parameters, not {describe(entry.value)}",
                entry.value.place,
                help=f"write `{entry.name}: {{parameter: value}}`",
            )
    return defaults


def _project(folder: Path) -> Path:
    """The top folder of the project that a folder belongs to; the folder itself where there is none."""
    for candidate in (folder, *folder.parents):
        if any((candidate / mark).exists() for mark in PROJECT_MARKS):
            return candidate
    return folder
