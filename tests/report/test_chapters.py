from markupsafe import Markup

from cnnbuild.report.block import Block
from cnnbuild.report.chapters import BESIDE_FINDINGS, BESIDE_HEALTH, CHAPTER_OF, chapters_of, place_of
from cnnbuild.report.page_shell import page_templates
from cnnbuild.studies.observation import TOPICS, Observation


def block(name, chapter, section=""):
    return Block(name, chapter, f"title of {name}", Markup("<svg></svg>"), "caption", section=section)


def test_figures_stand_by_chapter_and_section_in_the_order_of_the_page():
    blocks = [
        block("w", "weights"),
        block("c2", "curves", "mnist"),
        block("f", "comparison"),
        block("c1", "curves", "digits"),
        block("c0", "curves"),
    ]
    found = chapters_of(blocks, [])
    assert [chapter.title for chapter in found] == ["Comparison", "Learning curves", "Weights"]
    assert [(part.title, [b.name for b in part.blocks]) for part in found[1].parts] == [
        ("", ["c0"]),
        ("mnist", ["c2"]),
        ("digits", ["c1"]),
    ]


def test_every_topic_has_one_place_and_an_observation_alone_makes_a_chapter():
    for topic in TOPICS:
        assert sum(topic in place for place in (BESIDE_FINDINGS, BESIDE_HEALTH, CHAPTER_OF)) == 1
    found = chapters_of([], [Observation("gradients", "They vanish."), Observation("health", "It died.")])
    assert [(chapter.id, chapter.observations[0].sentence) for chapter in found] == [
        ("chapter-gradients", "They vanish.")
    ]
    assert place_of("gradients") == ("chapter-gradients", "Gradients")
    assert place_of("fairness")[0] == "findings"


def test_many_sections_are_folded_but_not_what_is_of_all():
    blocks = [block("all", "curves"), *(block(f"c{n}", "curves", f"lr={n}") for n in range(5))]
    assert [part.folded for part in chapters_of(blocks, [])[0].parts] == [False, *[True] * 5]


def test_the_two_colours_that_fade_on_white_are_left_to_the_theme_and_names_are_not():
    themed = page_templates().filters["themed"]
    svg = Markup('<path style="stroke: #e69f00; fill:#56B4E9" fill="#E69F00"/><text>#e69f00</text>')
    assert themed(svg) == Markup(
        '<path style="stroke: var(--orange); fill:var(--sky)" fill="var(--orange)"/><text>#e69f00</text>'
    )
