"""The documentation's site: every page is in it, every link holds, and nothing of it comes from a network."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cli.commands import ROOT
from tests.documentation.pages import anchors_of, pages, without_blocks

SETTINGS = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
WRITTEN = [*pages(), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "benchmarks" / "README.md"]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
"""With a label that may go over a line's end."""


class Loader(yaml.SafeLoader):
    """One that leaves the names of Python's functions alone."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda _loader, suffix, _node: suffix)


def site() -> dict[str, object]:
    settings = yaml.load(SETTINGS, Loader)
    assert isinstance(settings, dict)
    return settings


def named(part: object) -> Iterator[str]:
    """The pages under an entry of the navigation."""
    if isinstance(part, str):
        yield part
    for item in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from named(item)


def test_the_navigation_names_every_page_once() -> None:
    found = list(named(site()["nav"]))

    assert len(found) >= 18
    assert sorted(found) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))


def test_the_first_page_leads_to_every_other() -> None:
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    others = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}

    assert others <= {link.partition("#")[0] for link in LINK.findall(text)}


def test_the_site_is_set_up_without_a_network() -> None:
    settings = site()

    assert settings["theme"]["font"] is False
    # without a polyfill of its own, `offline` loads one from a network
    assert settings["extra"]["polyfills"] == ["site/iframe-worker.js"]
    files = [*settings["extra_css"], *settings["extra"]["polyfills"]]
    assert len(files) == 2
    for text in (SETTINGS, *((ROOT / "docs" / name).read_text(encoding="utf-8") for name in files)):
        assert "://" not in text


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_holds_even_where_its_label_goes_over_a_line(path: Path) -> None:
    for link in LINK.findall(without_blocks(path.read_text(encoding="utf-8"))):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        there = (path.parent / target).resolve() if target else path
        assert there.exists(), link
        assert not anchor or anchor in anchors_of(there.read_text(encoding="utf-8")), link


def test_no_page_of_the_site_links_out_of_it() -> None:
    for path in (ROOT / "docs").glob("*.md"):
        links = LINK.findall(without_blocks(path.read_text(encoding="utf-8")))
        assert not [link for link in links if link.startswith("..")], path.name


@pytest.fixture
def pages_here(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    return tmp_path


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("zensical")
    if program is None:
        pytest.skip("no zensical on the path: `pip install -e '.[docs]'`")
    return subprocess.run(
        [program, "build", "--strict"], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.exhaustive
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(pages_here: Path) -> None:
    done = build(pages_here)

    assert done.returncode == 0, done.stdout + done.stderr
    built = sorted((pages_here / "build" / "site").glob("*.html"))
    assert len(built) == len(list(named(site()["nav"]))) + 1  # and the one for pages that are not there
    for page in built:
        tags = re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*>", page.read_text(encoding="utf-8"))
        assert len(tags) >= 5
        assert not [tag for tag in tags if "://" in tag or '="//' in tag], page.name
        prose = re.sub(r"<(pre|script)\b.*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.findall(r"\\(?:[|\[]|<(?!/code>)|&lt;)", prose), (
            f"{page.name} shows a backslash that was meant for Markdown"
        )


@pytest.mark.exhaustive
def test_a_link_that_leads_nowhere_stops_the_build(pages_here: Path) -> None:
    page = pages_here / "docs" / "clusters.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n[There](studies.md#nowhere).\n", encoding="utf-8")

    done = build(pages_here)

    assert done.returncode != 0
