"""Pages that lie are caught: what a transcript may leave out, and what not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documentation.pages import Block, anchors_of, blocks_of, links_of
from tests.documentation.sessions import agrees, commands_of, refreshed, run_page

PRINTED = "$ cnnbuild check a.yaml\nfirst 1\nsecond 2\nthird 3\n"


def shown(body: str, mark: str = "") -> Block:
    return Block("console", body, mark, 0, len(body))


@pytest.mark.parametrize(
    ("body", "mark", "expected"),
    [
        (PRINTED, "", True),
        ("$ cnnbuild check a.yaml\n…\nthird 3\n", "", True),
        ("$ cnnbuild check a.yaml\nfirst 1\n…\n", "", True),
        ("$ cnnbuild check a.yaml\n…\nfirst 1\n…\nthird 3\n…\n", "", True),
        ("$ cnnbuild check a.yaml\nfirst 1\nthird 3\n", "", False),
        ("$ cnnbuild check a.yaml\n…\nthird 4\n", "", False),
        ("$ cnnbuild check a.yaml\n…\nthird 4\n", "figures differ", True),
        ("$ cnnbuild check a.yaml\n…\nfourth 3\n", "figures differ", False),
        ("$ cnnbuild check a.yaml\nfirst 2\nsecond 2\nthird 3\n- other\n", "findings differ", True),
        ("$ cnnbuild check b.yaml\n…\n", "", False),
        ("$ cnnbuild check a.yaml\nfirst 1\n", "", False),
    ],
)
def test_a_transcript_agrees_only_where_every_line_that_it_shows_is_printed(
    body: str, mark: str, expected: bool
) -> None:
    assert agrees(shown(body, mark), PRINTED) is expected


PAGE = """# A page

```yaml
# folder/net.yaml
cnnbuild: 1
layers: [flatten, linear: $data.classes]
```

<!-- faulty -->
```yaml
# wrong.yaml
cnnbuild: 1
```

```console
$ cnnbuild check folder/net.yaml --dataset digits
folder/net.yaml: an architecture, fine for mnist, 10 classes
```

<!-- not run: no need -->
```console
$ rm everything
```

A [link](other.md#place) and a [word](#a-page).
"""


def test_a_transcript_that_lies_is_replaced_and_the_rest_of_the_page_stays(tmp_path: Path) -> None:
    again = refreshed(PAGE, tmp_path / "page")
    assert again == PAGE.replace("fine for mnist", "fine for digits")


def test_only_what_is_marked_is_not_run(tmp_path: Path) -> None:
    page = PAGE.replace("<!-- not run: no need -->\n", "")
    with pytest.raises(ValueError, match="only `cnnbuild` can be run, not `rm everything`"):
        list(run_page(page, tmp_path / "page"))


def test_blocks_have_their_marks_and_names() -> None:
    blocks = blocks_of(PAGE)
    assert [(block.language, block.file_name, block.mark) for block in blocks] == [
        ("yaml", "folder/net.yaml", ""),
        ("yaml", "wrong.yaml", "faulty"),
        ("console", None, ""),
        ("console", None, "not run: no need"),
    ]
    assert commands_of(blocks[3]) == ["rm everything"]
    assert links_of(PAGE) == ["other.md#place", "#a-page"]
    assert anchors_of(PAGE) == {"a-page"}
