"""axe-core finds nothing to complain of, in light and in dark."""

import pytest

from tests.report.browser.finding import axe_source
from tests.report.browser.pages import hostile, nothing_yet, on_a_grid, twelve_runs, unfinished, written
from tests.report.browser.test_page_in_browser import all_open


def violations(page) -> list[str]:
    page.evaluate(axe_source())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert len(found["passes"]) > 15
    return [
        f"{one['id']}: {one['help']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"][:3]
    ]


def studies(tmp_path):
    return {
        "twelve": (twelve_runs(), None),
        "hostile": (hostile(), None),
        "grid": (on_a_grid(6), None),
        "running": (unfinished(tmp_path), 600),
        "empty": (nothing_yet(tmp_path), None),
    }


@pytest.mark.exhaustive
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["twelve", "hostile", "grid", "running", "empty"])
def test_axe_finds_nothing(tab, tmp_path, which, scheme):
    results, seconds = studies(tmp_path)[which]
    with tab(written(tmp_path, results, reload_seconds=seconds), color_scheme=scheme) as one:
        all_open(one.page)
        assert violations(one.page) == []


@pytest.mark.exhaustive
def test_axe_would_find_faint_text_and_a_button_without_a_name(tab, tmp_path):
    written(tmp_path, twelve_runs())
    file = tmp_path / "report.html"
    planted = '<button type="button"></button><p style="color: #ccc; background: #fff">faint</p>'
    file.write_text(file.read_text().replace('<h2 id="health">', planted + '<h2 id="health">'))
    with tab(file.as_uri()) as one:
        found = violations(one.page)
        assert {text.split(":")[0] for text in found} == {"button-name", "color-contrast"}
