"""A browser for the tests of this folder, and pages that tell what they asked for and complained of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.report.browser.finding import chromium

HANGS = 60_000  # milliseconds


@dataclass
class Tab:
    """A page in the browser: what it requested beside itself, its complaints, and its dialogs."""

    page: object
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="no Playwright: pip install cnnbuild[browser-tests]"
    )
    program = chromium()
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def tab(browser) -> Callable[..., object]:
    """Opens a page with the network off: `with tab(address, width=360, color_scheme="dark") as one: …`."""

    @contextmanager
    def opened(address: str, *, width: int = 1200, before: str = "", **wishes: object) -> Iterator[Tab]:
        context = browser.new_context(viewport={"width": width, "height": 900}, **wishes)
        try:
            context.set_default_timeout(HANGS)
            context.set_offline(True)
            if before:
                context.add_init_script(before)
            one = Tab(context.new_page())
            one.page.on("request", lambda request: one.requests.append(request.url))
            one.page.on("console", lambda said: one.complaints.append(f"{said.type}: {said.text}"))
            one.page.on("pageerror", lambda error: one.complaints.append(str(error)))
            one.page.on("dialog", lambda dialog: (one.dialogs.append(dialog.message), dialog.dismiss()))
            one.page.goto(address)
            yield one
        finally:
            context.close()

    return opened
