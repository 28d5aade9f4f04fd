"""The page of a study in headless Chromium: what the markup alone cannot show."""

import pytest

from tests.report.browser.pages import (
    EVIL,
    hostile,
    nothing_yet,
    on_a_grid,
    twelve_runs,
    unfinished,
    written,
)

WIDTHS = (320, 360, 800, 1100, 1280, 1600, 2560)
TABLE = "table.sortable:has-text('Results on digits')"
ROOT_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def names(page) -> list[str]:
    return page.locator(f"{TABLE} tbody th").all_inner_texts()


def sorted_columns(page) -> list[tuple[str, str]]:
    heads = page.locator(f"{TABLE} th[aria-sort]").all()
    return [(head.inner_text().split("\n")[0], head.get_attribute("aria-sort")) for head in heads]


def all_open(page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


def test_a_page_opens_with_the_network_off_sorts_and_fits_a_telephone(tab, tmp_path):
    address = written(tmp_path, twelve_runs())
    with tab(address, width=360) as one:
        assert one.requests == [address]
        assert one.page.title() == "Which block? \N{EN DASH} cnnbuild"
        one.page.locator(f"{TABLE} th button").nth(1).click()
        assert names(one.page) == ["basic", "bottleneck", "wide residual network", "tiny"]
        one.page.locator(f"{TABLE} th button").nth(1).click()
        assert names(one.page) == ["tiny", "wide residual network", "bottleneck", "basic"]
        assert one.page.evaluate(ROOT_OVERFLOW) == 0
        assert one.complaints == one.dialogs == []


@pytest.mark.exhaustive
def test_a_request_or_a_script_of_elsewhere_would_be_seen_and_is_stopped_by_the_policy(tab, tmp_path):
    written(tmp_path, twelve_runs())
    file = tmp_path / "report.html"
    planted = "<img src='http://127.0.0.1:9/a.png'><script>document.title = 'other'</script><link rel=stylesheet href='x.css'>"
    file.write_text(file.read_text().replace("<main", planted + "<main"))
    with tab(file.as_uri()) as one:
        assert one.page.title() == "Which block? \N{EN DASH} cnnbuild"
        assert len([said for said in one.complaints if "Content Security Policy" in said]) == 3
        assert [url.rpartition("/")[2] for url in one.requests] == ["report.html", "a.png", "x.css"]


@pytest.mark.exhaustive
def test_tables_are_sorted_by_keyboard_and_only_the_sorted_column_says_so(tab, tmp_path):
    with tab(written(tmp_path, twelve_runs())) as one:
        assert sorted_columns(one.page) == []
        head = one.page.locator(f"{TABLE} th button", has_text="parameters")
        head.focus()
        one.page.keyboard.press("Enter")
        assert sorted_columns(one.page) == [("parameters", "ascending")]
        one.page.keyboard.press("Space")
        assert sorted_columns(one.page) == [("parameters", "descending")]
        assert names(one.page)[0] == "tiny"  # 13,000,000 before 1,300,000: as numbers, not as text
        one.page.keyboard.press("Shift+Tab")
        one.page.keyboard.press("Shift+Tab")
        one.page.keyboard.press("Shift+Tab")
        one.page.keyboard.press("Enter")
        assert sorted_columns(one.page) == [("architecture", "ascending")]
        assert names(one.page) == ["basic", "bottleneck", "tiny", "wide residual network"]
        assert one.page.locator(f"{TABLE} th[data-sort=no] button").count() == 0


@pytest.mark.exhaustive
def test_what_has_no_value_stays_below_however_a_table_is_sorted(tab, tmp_path):
    with tab(written(tmp_path, twelve_runs())) as one:
        table = one.page.locator("table.sortable:has-text('All runs')")
        head = table.locator("th button", has_text="test accuracy")
        for _ in range(2):
            head.click()
            cells = table.locator("tbody tr td:nth-child(5)").all_inner_texts()
            assert cells[-1] == ""
            values = [float(text) for text in cells[:-1]]
            assert len(values) == 11
            assert values in (sorted(values), sorted(values, reverse=True))


def paper(page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


WHITE, DARK = "rgb(255, 255, 255)", "rgb(20, 23, 26)"


@pytest.mark.exhaustive
def test_the_theme_is_that_of_the_system_until_it_is_chosen_and_is_remembered(tab, tmp_path):
    address = written(tmp_path, twelve_runs())
    with tab(address, color_scheme="dark") as one:
        assert paper(one.page) == DARK
        one.page.get_by_role("button", name="Light theme").click()
        assert paper(one.page) == WHITE
        one.page.reload()
        assert paper(one.page) == WHITE
        one.page.get_by_role("button", name="Dark theme").click()
        one.page.emulate_media(color_scheme="light")
        assert paper(one.page) == DARK
        one.page.emulate_media(media="print")
        assert paper(one.page) == WHITE
    with tab(address, color_scheme="light") as one:
        assert paper(one.page) == WHITE


@pytest.mark.exhaustive
def test_without_a_memory_the_page_works_all_the_same(tab, tmp_path):
    refused = (
        "Object.defineProperty(window, '{}', {{get() {{ throw new DOMException('no', 'SecurityError'); }}}});"
    )
    before = "".join(refused.format(name) for name in ("localStorage", "sessionStorage"))
    with tab(written(tmp_path, unfinished(tmp_path), reload_seconds=600), before=before) as one:
        one.page.get_by_role("button", name="Dark theme").click()
        assert paper(one.page) == DARK
        one.page.locator(f"{TABLE} th button").first.click()
        assert len(sorted_columns(one.page)) == 1
        one.page.get_by_role("button", name="Stop following").click()
        assert one.complaints == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("which", ["twelve", "hostile", "grid", "unfinished"])
def test_no_page_is_wider_than_the_window(tab, tmp_path, which, width):
    results = {
        "twelve": lambda: twelve_runs(),
        "hostile": hostile,
        "grid": lambda: on_a_grid(6),
        "unfinished": lambda: unfinished(tmp_path),
    }[which]()
    with tab(written(tmp_path, results), width=width) as one:
        all_open(one.page)
        assert one.page.evaluate(ROOT_OVERFLOW) == 0
        cut = one.page.evaluate(
            "[...document.querySelectorAll('main table, main svg, main img, main pre')].filter((one) => "
            "one.getBoundingClientRect().right > document.documentElement.clientWidth + 1"
            " && !one.closest('.scroll, .drawing, pre')).length"
        )
        assert cut == 0


@pytest.mark.exhaustive
def test_a_results_table_of_common_names_needs_no_scrolling_from_1100_pixels_on(tab, tmp_path):
    for width in (1100, 1280, 1600):
        with tab(written(tmp_path, twelve_runs()), width=width) as one:
            hidden = one.page.locator(f".scroll:has({TABLE})").evaluate(
                "(at) => at.scrollWidth - at.clientWidth"
            )
            assert hidden == 0, width


@pytest.mark.exhaustive
def test_a_hostile_study_runs_nothing_and_shows_its_names(tab, tmp_path):
    with tab(written(tmp_path, hostile())) as one:
        all_open(one.page)
        assert one.page.title() == f"{EVIL} \N{EN DASH} cnnbuild"
        assert one.page.locator("h1").inner_text() == EVIL
        assert one.page.locator("script").count() == 1
        assert one.dialogs == one.complaints == []


@pytest.mark.exhaustive
def test_the_page_is_read_without_scripts(tab, tmp_path):
    with tab(written(tmp_path, twelve_runs()), java_script_enabled=False) as one:
        assert one.page.locator("h2").count() >= 7
        assert one.page.get_by_text("No comparison of tiny with basic on digits").count() == 1 or (
            one.page.locator("ul.findings > li").count() == 3
        )
        assert [button for button in one.page.locator("button").all() if button.is_visible()] == []
        assert one.page.locator("svg").count() > 4


@pytest.mark.exhaustive
def test_a_reader_who_wants_no_motion_gets_none_and_the_skip_link_leads_to_the_text(tab, tmp_path):
    address = written(tmp_path, twelve_runs())
    smooth = "getComputedStyle(document.documentElement).scrollBehavior"
    with tab(address, reduced_motion="reduce") as one:
        assert one.page.evaluate(smooth) == "auto"
    with tab(address, reduced_motion="no-preference") as one:
        assert one.page.evaluate(smooth) == "smooth"
        one.page.keyboard.press("Tab")
        assert one.page.evaluate("document.activeElement.className") == "skip"
        one.page.keyboard.press("Enter")
        assert one.page.evaluate("location.hash") == "#main"


@pytest.mark.exhaustive
def test_every_entry_of_the_contents_leads_to_a_heading_and_opens_what_is_folded(tab, tmp_path):
    with tab(written(tmp_path, on_a_grid(6))) as one:
        targets = one.page.eval_on_selector_all(
            ".contents a", "(all) => all.map((one) => one.getAttribute('href'))"
        )
        assert len(targets) >= 7
        for target in targets:
            assert one.page.locator(target).count() == 1
        folded = one.page.locator("details.block").first
        assert not folded.evaluate("(one) => one.open")
        one.page.evaluate("(id) => { location.hash = id; }", folded.get_attribute("id"))
        one.page.wait_for_function("(one) => one.open", arg=folded.element_handle())


@pytest.mark.exhaustive
def test_a_page_of_a_running_study_reads_itself_again_until_it_is_told_not_to(tab, tmp_path):
    address = written(tmp_path, nothing_yet(tmp_path), reload_seconds=1)
    with tab(address) as one:
        assert one.page.get_by_text("12 of 12 runs have not ended").count() == 1
        written(tmp_path, unfinished(tmp_path), reload_seconds=1)
        one.page.get_by_text("7 of 12 runs have not ended").wait_for()
        one.page.locator(f"{TABLE} th button", has_text="parameters").click()
        one.page.evaluate("window.before = true")
        one.page.wait_for_function("() => !window.before && document.querySelector('th[aria-sort]')")
        assert sorted_columns(one.page) == [("parameters", "ascending")]  # as the reader left it
        one.page.get_by_role("button", name="Stop following").click()
        count = len(one.requests)
        one.page.wait_for_timeout(1500)
        assert len(one.requests) == count
        written(tmp_path, twelve_runs())
        one.page.get_by_role("button", name="Follow the study").click()
        one.page.get_by_text("All runs").first.wait_for()
        one.page.wait_for_function("() => !document.body.dataset.reload")
        assert one.complaints == []


@pytest.mark.exhaustive
def test_without_scripts_a_running_study_is_followed_by_a_refresh(tab, tmp_path):
    address = written(tmp_path, nothing_yet(tmp_path), reload_seconds=1)
    with tab(address, java_script_enabled=False) as one:
        written(tmp_path, twelve_runs())
        one.page.get_by_text("1 of 12 runs did not train.").wait_for()
        count = len(one.requests)
        one.page.wait_for_timeout(1500)
        assert len(one.requests) == count  # and not after
