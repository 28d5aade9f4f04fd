"""SVG, HTML, Mermaid and DOT: valid, complete, and safe whatever a network is called."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

import cnnbuild
from cnnbuild.errors import UsageError
from cnnbuild.graph.graph import Graph
from cnnbuild.graph.views.picture import Measure, graph_dot, graph_html, graph_mermaid, graph_scene, graph_svg
from cnnbuild.graph.views.picture.colours import STEPS, Theme, contrast, ink_on, scale, step_of
from cnnbuild.graph.views.summary import Summary

SVG = "{http://www.w3.org/2000/svg}"
NASTY = 'a"b<c>&amp;#1;`x`\\\\'


@pytest.fixture
def nasty(tmp_path: Path) -> Graph:
    file = tmp_path / "net.yaml"
    file.write_text(
        f"cnnbuild: 1\nname: '{NASTY}'\nlayers:\n"
        "  - conv: {out_channels: 8, kernel_size: 3, padding: half}\n    name: end\n"
        "  - relu\n  - global_avg_pool\n  - flatten\n  - linear: $data.classes\n    name: class\n"
    )
    return cnnbuild.load(file).graph(input=(3, 32, 32), classes=10)


def inception() -> Graph:
    return cnnbuild.load("architectures/inception.yaml").graph(input=(3, 32, 32), classes=10)


def test_svg_is_xml_with_its_size_a_title_and_a_description() -> None:
    scene = graph_scene(inception())
    root = ElementTree.fromstring(graph_svg(inception()))

    assert root.tag == f"{SVG}svg"
    assert (float(root.attrib["width"]), float(root.attrib["height"])) == (scene.width, scene.height)
    assert root.attrib["viewBox"] == f"0 0 {root.attrib['width']} {root.attrib['height']}"
    assert root.attrib["role"] == "img"
    labels = {element.attrib["id"]: str(element.text) for element in root if "id" in element.attrib}
    assert root.attrib["aria-labelledby"].split() == list(labels)
    title, description = labels.values()
    assert title == "inception"
    assert description.startswith("Layers from the input to the output: stem conv")


def test_svg_refers_to_nothing_outside() -> None:
    text = graph_svg(inception())
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]
    assert re.search(r"href|url\(|<script|<style|<image|@import", text) is None


def test_every_box_is_drawn_with_its_exact_figures() -> None:
    graph = cnnbuild.load("architectures/simple_cnn.yaml").graph(input=(3, 32, 32), classes=10)
    root = ElementTree.fromstring(graph_svg(graph))
    told = [str(element.text) for element in root.iter(f"{SVG}title")]
    # 3 * 32 * 9 + 32 parameters; 27 multiply-adds for each of 32 * 32 * 32 outputs
    assert any("896 parameters\n884,736 MACs\n" in text for text in told)
    assert len(root.findall(f".//{SVG}text")) == sum(
        len(thing.texts) for scene in [graph_scene(graph)] for thing in (*scene.boxes, *scene.frames, scene)
    )


def test_names_with_signs_of_xml_stay_text(nasty: Graph) -> None:
    root = ElementTree.fromstring(graph_svg(nasty))
    assert [element.text for element in root if element.tag == f"{SVG}title"] == [nasty.name]


def test_a_name_that_no_format_can_hold_is_drawn_without_its_bad_characters() -> None:
    graph = replace(inception(), name="a\ud800\x07b\uffff")
    for write in (graph_svg, graph_html, graph_mermaid, graph_dot):
        assert "a  b" in write(graph).encode().decode()
    ElementTree.fromstring(graph_svg(graph))


def test_the_same_network_gives_the_same_bytes() -> None:
    for write in (graph_svg, graph_html, graph_mermaid, graph_dot):
        assert write(inception()) == write(inception())


def test_the_page_allows_only_its_own_style_and_script(nasty: Graph) -> None:
    text = graph_html(nasty)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert policy
    assert style
    assert script
    hashes = [b64encode(sha256(found[1].encode()).digest()).decode() for found in (style, script)]
    assert policy[1] == (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; base-uri 'none'"
    )
    assert "style=" not in text
    assert re.search(r"\son\w+=", text) is None


def test_mermaid_escapes_what_would_end_a_text(nasty: Graph) -> None:
    lines = graph_mermaid(nasty).splitlines()
    assert lines[:2] == ["---", 'title: "a\\"b<c>&amp;#1;`x`\\\\\\\\"']
    assert lines[3] == "flowchart TD"
    nodes = [line.strip() for line in lines if re.match(r"\s+n\d+[(\[]", line)]
    assert [
        re.fullmatch(r'n\d+[(\[]+"([^"`<>]|<br/>)*"[)\]]+(:::s\d+)?', node) is not None for node in nodes
    ] == [True] * 6
    assert 'n1["end: conv 3\u00d73 · relu<br/>' in graph_mermaid(nasty)


def test_mermaid_opens_and_closes_its_levels_and_joins_only_what_it_names() -> None:
    text = graph_mermaid(inception(), depth=9)
    assert len(re.findall(r"^ +subgraph ", text, re.MULTILINE)) == len(
        re.findall(r"^ +end$", text, re.MULTILINE)
    )
    groups = re.findall(r"subgraph (g\d+)\[", text)
    assert len(groups) == len(set(groups)) > 10
    named = set(re.findall(r"^ +(n\d+)[(\[]", text, re.MULTILINE))
    joined = re.findall(r"^ +(n\d+) -\.?->? ?>? ?(n\d+)$", text, re.MULTILINE)
    joined += re.findall(r"^ +(n\d+) --> (n\d+)$", text, re.MULTILINE)
    assert {end for ends in joined for end in ends} == named
    assert "-.->" in text


def test_dot_closes_its_texts_and_braces(nasty: Graph) -> None:
    text = graph_dot(nasty)
    assert text.startswith('digraph "a\\"b<c>&amp;#1;`x`\\\\\\\\" {\n')
    for network in (nasty, inception()):
        without_texts = re.sub(r'"(?:[^"\\]|\\.)*"', "", graph_dot(network, depth=9))
        assert '"' not in without_texts
        assert without_texts.count("{") == without_texts.count("}")
        assert without_texts.count("[") == without_texts.count("]")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ink_can_be_read_on_every_step_of_the_scale(theme: Theme) -> None:
    assert len(scale(theme)) == STEPS
    assert min(contrast(colour, ink_on(colour)) for colour in scale(theme)) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_scale_is_even_in_lightness(theme: Theme) -> None:
    # CIE 1976 lightness, another model of it than the one that the scale was made in
    lightness = [116 * (contrast(colour, "#000000") * 0.05 - 0.05) ** (1 / 3) - 16 for colour in scale(theme)]
    steps = [b - a for a, b in pairwise(lightness)]
    assert len({step > 0 for step in steps}) == 1
    assert max(map(abs, steps)) < 1.35 * min(map(abs, steps))


def test_contrast_is_that_of_the_guideline() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(
        4.48, abs=0.005
    )  # the guideline's well-known near miss


def test_colours_follow_the_cost() -> None:
    scene = graph_scene(
        cnnbuild.load("architectures/simple_cnn.yaml").graph(input=(3, 32, 32), classes=10), color="params"
    )
    darkest = max((box for box in scene.boxes if box.step is not None), key=lambda box: box.step or 0)
    assert darkest.texts[0].text == "hidden: linear · relu"  # 524,416 of 545,098
    assert [step_of(value, 30) for value in (0, 1, 15, 30)] == [0, 1, 8, 15]


@pytest.mark.parametrize(
    ("color", "depth", "message"),
    [
        ("foo", None, "color 'foo': it must be macs, params, act or rf"),
        ("macs", 0, "depth 0: it must be at least 1, which closes the outermost levels"),
        ("rf", -1, "depth -1: it must be at least 1, which closes the outermost levels"),
    ],
)
def test_what_no_picture_can_be_is_refused_at_once(color: Measure, depth: int | None, message: str) -> None:
    for ask in (Summary(inception()).picture, partial(graph_svg, inception())):
        with pytest.raises(UsageError) as caught:
            ask(color=color, depth=depth)
        assert str(caught.value) == message


def test_depth_1_makes_every_outermost_level_one_box_as_in_the_table() -> None:
    resnet = cnnbuild.load("architectures/resnet.yaml@resnet50").graph(input=(3, 224, 224), classes=1000)
    closed, opened = (graph_scene(resnet, depth=depth) for depth in (1, 2))

    outermost = ["stem", "layer1", "layer2", "layer3", "layer4"]
    assert not closed.frames
    assert [box.texts[0].text.split(":")[0] for box in closed.boxes if box.kind == "closed"] == outermost
    assert sorted(frame.texts[0].text for frame in opened.frames) == sorted(outermost)


@pytest.mark.parametrize(
    ("color", "note"), [("act", "bytes of all outputs in the box"), ("rf", "of copies, that of the last")]
)
def test_the_legend_explains_the_line_that_a_colour_adds(color: Measure, note: str) -> None:
    told = " ".join(text.text for text in graph_scene(inception(), color=color).texts)
    assert note in told
    assert note not in " ".join(text.text for text in graph_scene(inception()).texts)
