"""Each test decodes into a cache of its own."""

import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNBUILD_CACHE", str(tmp_path / "cache"))
