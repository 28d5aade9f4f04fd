"""Pages of studies that were trained, with every analysis and its images."""

import re

import pytest

from tests.cli.commands import cnnbuild
from tests.report.browser.pages import twelve_runs, written
from tests.report.browser.test_accessibility import violations
from tests.report.browser.test_page_in_browser import ROOT_OVERFLOW, TABLE, all_open, paper

NET = """\
cnnbuild: 1
name: small
vars: {width: 8}
layers:
  - conv: {out_channels: $width, kernel_size: 3}
  - batch_norm
  - relu
  - conv: {out_channels: 16, kernel_size: 3, stride: 2}
  - relu
  - global_avg_pool
  - flatten
  - linear: $data.classes
"""
STUDY = """\
cnnbuild: 1
study: small
question: Is wider better?
architectures:
  narrow: {file: net.yaml, vars: {width: 4}}
  wide: {file: net.yaml, vars: {width: 16}}
  hopeless: {file: net.yaml, train: {optimizer: {sgd: {lr: 1000000.0}}}}
datasets: [digits]
seeds: 3
train: {epochs: 8, optimizer: {adam: {lr: 0.01}}}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a study of nine runs, of which three did not train."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "net.yaml").write_text(NET)
    (folder / "small.yaml").write_text(STUDY)
    done = cnnbuild(
        "run", folder / "small.yaml", "--out", folder / "out", "--executor", "inline", timeout=900
    )
    assert "Report: " in done.out, done.err
    return folder / "out"


@pytest.mark.exhaustive
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_trained_study_fits_every_window_and_axe_finds_nothing(tab, trained, scheme):
    address = (trained / "report.html").as_uri()
    for width in (360, 800, 1600):
        with tab(address, width=width, color_scheme=scheme) as one:
            all_open(one.page)
            assert one.page.evaluate(ROOT_OVERFLOW) == 0, width
            assert one.requests == [address] or all(url.startswith("data:") for url in one.requests[1:])
            assert one.complaints == []
            if width == 1600:
                assert violations(one.page) == []


@pytest.mark.exhaustive
def test_a_trained_study_has_every_chapter_and_names_what_did_not_train(tab, trained):
    with tab((trained / "report.html").as_uri()) as one:
        chapters = one.page.locator("h2").all_inner_texts()
        assert chapters == [
            "Findings", "Health", "Results", "Comparison", "Efficiency", "Learning curves", "Gradients",
            "Weights", "Confusion", "Images", "Receptive fields", "Architectures", "Runs", "Methods",
            "Manifest", "Downloads",
        ]  # fmt: skip
        assert one.page.get_by_text("3 of 9 runs did not train.").count() == 1
        assert one.page.get_by_text("No comparison of hopeless with narrow on digits").count() == 1


@pytest.mark.exhaustive
def test_a_page_with_images_stays_below_five_megabytes_and_one_without_below_two(trained, tmp_path):
    size = (trained / "report.html").stat().st_size
    written(tmp_path, twelve_runs())
    without = (tmp_path / "report.html").stat().st_size
    assert len(re.findall("base64,", (trained / "report.html").read_text())) > 30
    assert 300_000 < size < 5_000_000
    assert 100_000 < without < 2_000_000


@pytest.mark.exhaustive
def test_a_click_saves_what_lies_beside_the_page(tab, trained):
    with tab((trained / "report.html").as_uri()) as one:
        for name in ("table.csv", "table.md", "table.tex", "results.json"):
            with one.page.expect_download() as saved:
                one.page.get_by_role("link", name=name).click()
            assert saved.value.suggested_filename == name
            assert saved.value.path().read_bytes() == (trained / name).read_bytes()
        assert one.complaints == []


@pytest.mark.exhaustive
def test_a_page_rebuilt_from_records_is_the_page_of_the_run(trained):
    page = (trained / "report.html").read_bytes()
    done = cnnbuild("report", trained)
    assert (done.code, done.err) == (0, "")
    assert (trained / "report.html").read_bytes() == page


@pytest.mark.exhaustive
def test_a_printed_page_is_light_and_whole(tab, trained):
    with tab((trained / "report.html").as_uri(), color_scheme="dark") as one:
        one.page.emulate_media(media="print")
        assert paper(one.page) == "rgb(255, 255, 255)"
        assert not one.page.locator("nav.contents").is_visible()
        assert one.page.locator(TABLE).is_visible()
