"""The documentation does what it says: its files are sound, its commands print what it shows, its Python runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cnnbuild.cli.train_recipe import RecipeArguments, recipe_asked
from cnnbuild.errors import DocumentError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.reference_page import contents
from cnnbuild.lang.architecture import parse_architecture, read_architecture
from cnnbuild.lang.layer_study import read_layer_study
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.lang.recipe import Recipe
from cnnbuild.lang.study import read_study
from cnnbuild.layers.base import Shape
from cnnbuild.layers.plugins import registry_with
from cnnbuild.layers.registry import Registry, standard_registry
from cnnbuild.modules.build import build_module
from cnnbuild.modules.weight_files import write_weights
from cnnbuild.studies.layer_comparison.plan import plan_layers
from cnnbuild.studies.plan import plan_study
from tests.cli.commands import ROOT, cnnbuild
from tests.documentation.generated import LAYERS_PAGE, layers_page, with_generated_parts
from tests.documentation.options import verbs
from tests.documentation.pages import Block, anchors_of, blocks_of, links_of, pages
from tests.documentation.sessions import agrees, commands_of, lay_out, run_page
from tests.documentation.wrapping import COLOUR, GREY, whole, whole_study

PAGES = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in pages()}
LANGUAGES = {"", "yaml", "console", "python", "sh", "json", "lua", "text", "toml"}
MARKS = re.compile(
    r"fragment|study fragment|recipe|faulty|figures differ|findings differ|not run: .+|run|tests"
)
DIGITS = DataContract("digits", 1, 8, 8, 10)
SHAPE = re.compile(r"# (?P<before>\([\d, ]+\)(?: and \([\d, ]+\))*) -> (?P<after>\([\d, ]+\))")

NOT_RUN = {
    "README.md": {"installs, so a test of its own would be slow; .ci/run does it": 2},
    "docs/index.md": {"installs, so a test of its own would be slow; .ci/run does it": 1},
    "docs/commands.md": {
        "tests/cli/test_progress.py does it": 1,
        "tests/cli/test_resume.py does it": 1,
        "tests/studies/test_trackers.py does it where they are installed": 1,
    },
    "docs/training.md": {"tests/cli/test_devices.py starts several processes": 1},
    "docs/clusters.md": {
        "needs a Ray cluster; tests/studies/test_ray_cluster.py starts one": 1,
        "needs Slurm; tests/studies/test_slurm_commands.py plays it": 1,
    },
    "docs/import.md": {"it follows a large network twice": 1},
    "docs/export.md": {"the weights are of a training of several minutes": 1},
    "docs/plugins.md": {"tests/documentation/test_example_package.py does it without a network": 1},
    "examples/cnnbuild-blurpool/README.md": {
        "tests/documentation/test_example_package.py does it without a network": 1
    },
}
"""What no test of these pages runs, and why."""


def yaml_blocks(name: str) -> list[Block]:
    return [block for block in blocks_of(PAGES[name]) if block.language == "yaml"]


def test_every_page_is_there_and_every_block_is_of_a_kind_that_is_tested() -> None:
    assert {
        "README.md",
        "docs/language.md",
        "docs/layers.md",
        "docs/tutorial.md",
        "docs/plugins.md",
    } <= PAGES.keys()
    assert {"docs/commands.md", "docs/studies.md", "docs/editor.md"} <= PAGES.keys()
    for name, text in PAGES.items():
        for block in blocks_of(text):
            assert block.language in LANGUAGES, f"{name}: {block.language}"
            assert not block.mark or MARKS.fullmatch(block.mark) or block.mark.startswith("generated"), (
                block.mark
            )


@pytest.mark.parametrize("name", PAGES)
def test_every_command_prints_what_the_page_shows(name: str, tmp_path: Path) -> None:
    for block, printed in run_page(PAGES[name], tmp_path / "page"):
        assert agrees(block, printed), f"{block.body}\nand now it prints\n{printed}"


def test_only_what_is_listed_is_not_run() -> None:
    found: dict[str, dict[str, int]] = {}
    for name, text in PAGES.items():
        for block in blocks_of(text):
            if block.language == "sh" or block.mark.startswith("not run"):
                reason = (
                    block.mark.partition(": ")[2]
                    or "installs, so a test of its own would be slow; .ci/run does it"
                )
                counts = found.setdefault(name, {})
                counts[reason] = counts.get(reason, 0) + 1
    assert found == NOT_RUN


def test_every_verb_is_shown_in_the_reference_of_the_commands() -> None:
    shown = [
        command.split()[1]
        for block in blocks_of(PAGES["docs/commands.md"])
        if block.language == "console"
        for command in commands_of(block)
    ]
    assert set(shown) == set(verbs())
    assert len(verbs()) >= 9


@pytest.mark.parametrize("name", PAGES)
def test_every_yaml_block_is_sound_and_every_faulty_one_is_refused(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "page"
    lay_out(folder)
    for block in blocks_of(PAGES[name]):
        if block.file_name is not None:
            path = folder / block.file_name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
            if block.language == "yaml":
                _check_file(path, block, plugins_of(folder))
        elif block.language == "yaml":
            _check_part(block, folder)


def plugins_of(folder: Path) -> Registry:
    """The layer types of a page: the standard ones, and those of its Python files."""
    files = sorted(path for path in folder.glob("*.py") if "@cnnbuild.layer" in path.read_text())
    return registry_with(files)


def _check_file(path: Path, block: Block, registry: Registry) -> None:
    if block.mark == "faulty":
        with pytest.raises(DocumentError):
            _elaborated(path, COLOUR, registry)
    elif block.mark == "recipe":
        assert recipe_asked(RecipeArguments(str(path))).plain() != Recipe().plain()
    elif "\nstudy:" in block.body and "\nlayers:" in block.body:
        assert plan_layers(read_layer_study(path), registry=registry).pairs
    elif "\nstudy:" in block.body:
        if weights := re.search(r"weights: ([^\s,}]+)", block.body):  # which the page's transcripts make
            drawn = _elaborated(path.parent / "architectures" / "simple_cnn.yaml", DIGITS, registry)
            write_weights(build_module(drawn).state_dict(), path.parent / weights[1])
        assert len(plan_study(read_study(path), data_root=None, registry=registry).cells) > 0
    elif "\nlayers:" in block.body:
        for contract in (GREY, COLOUR):
            assert _elaborated(path, contract, registry).nodes
    else:
        outcome = cnnbuild("check", path)
        assert (outcome.code, outcome.err) == (0, "")


def _elaborated(path: Path, contract: DataContract, registry: Registry) -> Graph:
    return elaborate(read_architecture(path), contract, registry=registry)


def _check_part(block: Block, folder: Path) -> None:
    if block.mark == "fragment":
        document = parse_architecture(parse_yaml(whole(block.body), "fragment"))
        for contract in (GREY, COLOUR):
            assert elaborate(document, contract).nodes
    elif block.mark == "study fragment":
        path = folder / "fragment.yaml"
        path.write_text(whole_study(block.body), encoding="utf-8")
        assert len(plan_study(read_study(path), data_root=None, registry=standard_registry()).cells) > 0
    elif SHAPE.match(block.body):
        pass  # an example of a word, which is built below
    else:
        assert re.match(r"(#.*\n)*cnnbuild: 1\n", block.body), f"no mark says what this is:\n{block.body}"
        path = folder / "part.yaml"
        path.write_text(block.body, encoding="utf-8")
        _check_file(path, block, standard_registry())


@pytest.mark.parametrize("name", PAGES)
def test_every_python_block_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "page"
    lay_out(folder)
    monkeypatch.chdir(folder)
    namespace: dict[str, object] = {"__name__": "page"}
    for block in blocks_of(PAGES[name]):
        if block.file_name is not None:
            path = folder / block.file_name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
        elif block.language == "python":
            exec(compile(block.body, name, "exec"), namespace)


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    for link in links_of(PAGES[name]):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        path = ((ROOT / name).parent / target).resolve() if target else ROOT / name
        assert path.exists(), f"{name}: {link}"
        if anchor:
            assert anchor in anchors_of(path.read_text(encoding="utf-8")), f"{name}: {link}"


def test_the_generated_parts_are_what_the_generator_makes() -> None:
    assert LAYERS_PAGE.read_text(encoding="utf-8") == layers_page()
    parts = 0
    for name, text in PAGES.items():
        parts += text.count("<!-- generated: ")
        assert with_generated_parts(text) == text, name
    assert parts >= 10


def worked() -> Iterator[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    """Each example of the reference: its YAML, the shape that enters, the shape that leaves."""
    for block in yaml_blocks("docs/layers.md"):
        found = SHAPE.match(block.body)
        if found is not None:
            before, after = (
                tuple(int(size) for size in re.findall(r"\d+", found[part].partition(" and ")[0]))
                for part in ("before", "after")
            )
            yield block.body.partition("\n")[2], before, after


def _output_and_what_enters(module: nn.Module, name: str, shape: tuple[int, ...]) -> tuple[Shape, Shape]:
    """The shape of what enters a part of a module, and of the module's output, for an image."""
    seen: list[Tensor] = []
    module.get_submodule(name).register_forward_pre_hook(lambda _module, inputs: seen.extend(inputs))
    with torch.no_grad():
        output = module(torch.rand(2, *shape))
    return tuple(seen[0].shape[1:]), tuple(output.shape[1:])


# torch says so of `padding: same` with an even kernel, and computes it all the same
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
def test_every_example_of_the_reference_builds_and_gives_the_shape_that_it_shows() -> None:
    examples = list(worked())
    assert len(examples) > 100
    for yaml, before, after in examples:
        flat = len(before) == 1
        channels, height, width = (before[0], 1, 1) if flat else before
        text = f"cnnbuild: 1\nlayers:\n{'- flatten' if flat else ''}\n{yaml}- flatten:\n  name: end\n- linear: $data.classes\n"
        document = parse_architecture(parse_yaml(text, "example"))
        graph = elaborate(document, DataContract("example", channels, height, width, 10))
        left, logits = _output_and_what_enters(
            build_module(graph).eval(), "end", before if not flat else (*before, 1, 1)
        )
        assert (left, logits) == (after, (10,)), yaml


def test_every_word_has_a_page_with_an_example() -> None:
    text = PAGES["docs/layers.md"]
    names = [page.name for pages_ in contents(standard_registry()).values() for page in pages_]
    assert len(names) > 50
    for name in names:
        page = text.partition(f"\n## `{name}`\n")[2].partition("\n## `")[0]
        assert "```yaml\n# (" in page, name
