"""The reference: every word has a page, and every example in it builds."""

from __future__ import annotations

import pytest

from cnnbuild.errors import UsageError
from cnnbuild.graph.data_contract import DataContract
from cnnbuild.graph.elaborate import elaborate
from cnnbuild.graph.views.reference_markdown import contents_markdown, page_markdown
from cnnbuild.graph.views.reference_page import contents, page_of
from cnnbuild.graph.views.reference_text import contents_table, page_text
from cnnbuild.lang.architecture import parse_architecture
from cnnbuild.lang.reader import parse_yaml
from cnnbuild.layers.plugins import registry_with
from cnnbuild.layers.registry import STRUCTURAL, standard_registry
from cnnbuild.layers.standard_blocks import standard_block_names
from cnnbuild.modules.build import build_module
from tests.layers.test_contract import Blur, GatedConv

REGISTRY = standard_registry()
WORDS = [page.name for pages in contents(REGISTRY).values() for page in pages]


def test_every_word_of_the_language_has_one_page() -> None:
    assert sorted(WORDS) == sorted({*REGISTRY.words, *standard_block_names(), *STRUCTURAL})


@pytest.mark.parametrize("word", WORDS)
def test_a_page_has_examples_that_build_and_a_source_or_a_summary(word: str) -> None:
    page = page_of(word, REGISTRY)
    assert page.summary
    assert page.examples, f"give the class of '{word}' examples with inputs of one shape"
    assert all(example.yaml.startswith("- ") for example in page.examples)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("width", [80, 120])
def test_a_page_fits_the_window_but_for_yaml(word: str, width: int) -> None:
    page = page_of(word, REGISTRY)
    yaml = {
        f"  {line}".rstrip()
        for text in (page.yaml, *(e.yaml for e in page.examples))
        for line in text.splitlines()
    }
    lines = [line for line in page_text(page, width=width).splitlines() if line not in yaml]
    assert [line for line in lines if len(line) > width and not line.startswith("weights and")] == []


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_window(width: int) -> None:
    lines = contents_table(contents(registry_with([GatedConv, Blur])), width=width).splitlines()
    assert [line for line in lines if len(line) > width] == []
    assert "plugins" in lines


def test_the_costs_of_an_example_are_those_that_torch_makes() -> None:
    for word in ("residual", "concat", "multiply", "foreach", "basic"):
        (example,) = page_of(word, REGISTRY).examples
        channels, height, width = example.before[0]
        text = f"cnnbuild: 1\nlayers:\n{example.yaml}- flatten\n- linear: $data.classes\n"
        document = parse_architecture(parse_yaml(text, "example"))
        module = build_module(elaborate(document, DataContract("e", channels, height, width, 10)))
        features = example.after[0] * example.after[1] * example.after[2]
        counted = sum(parameter.numel() for parameter in module.parameters())
        assert counted == example.parameters + 10 * features + 10


def test_calls_are_written_in_their_shortest_form() -> None:
    written = [
        example.yaml
        for word in ("relu", "max_pool", "dropout", "conv")
        for example in page_of(word, REGISTRY).examples
    ]
    assert "- relu\n" in written
    assert "- max_pool: 2\n" in written
    assert "- dropout: 0.25\n" in written
    assert "- conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: half}\n" in written


def test_an_unknown_word_is_told_with_the_nearest_one() -> None:
    for word, hint in (
        ("covn", "did you mean 'conv'?"),
        ("basik", "did you mean 'basic'?"),
        ("residul", "did you mean 'residual'?"),
        ("qqq", "`cnnbuild layers` lists them; --plugin my_layers.py adds your own"),
    ):
        with pytest.raises(UsageError) as caught:
            page_of(word, REGISTRY)
        assert str(caught.value) == f"there is no layer type, block or form '{word}'; {hint}"


def test_a_type_of_ones_own_has_a_page_with_its_examples() -> None:
    page = page_of("gated_conv", registry_with([GatedConv]))
    assert (page.family, page.primary) == ("plugins", "out_channels")
    # two convolutions of 2 * 3 * 9 + 3 weights, on 4x3 pixels
    assert [(e.yaml, e.after, e.parameters, e.macs) for e in page.examples][:1] == [
        ("- gated_conv: 3\n", (3, 4, 3), 114, 2 * 54 * 12)
    ]


def test_the_markdown_of_a_form_is_a_section_with_a_table_and_yaml() -> None:
    assert page_markdown(page_of("share", REGISTRY), level=3) == (
        "### `share`\n"
        "\n"
        "The layers of an earlier node applied again, with the same weights. The weights have one key, are counted "
        "once and learn from both places. Channels must be the same; height and width may differ.\n"
        "\n"
        "\n"
        "| parameter | kind | default | meaning |\n"
        "|---|---|---|---|\n"
        "| `name` | name of an earlier node | required | the node, block call or container to apply again |\n"
        "\n"
        "```yaml\n"
        "# (16, 8, 8) -> (16, 8, 8), 2,320 parameters, 294,912 multiply-adds\n"
        "- conv: {out_channels: 16, kernel_size: 3, padding: half}\n"
        "  name: step\n"
        "- relu\n"
        "- share: step\n"
        "- relu\n"
        "```"
    )


def test_the_markdown_table_has_a_row_for_every_word() -> None:
    table = contents_markdown(contents(REGISTRY))
    assert [word for word in WORDS if f"| `{word}` |" not in table] == []
    assert "| `linear` | `out_features` | `out_features`, `bias = true` | (F,) -> (out_features,) |" in table


@pytest.mark.parametrize("name", standard_block_names())
def test_every_parameter_of_a_standard_block_says_what_it_means(name: str) -> None:
    page = page_of(name, REGISTRY)
    assert page.parameters
    assert [parameter.name for parameter in page.parameters if not parameter.meaning] == []
