"""Each test decodes into a cache of its own."""

import os

import pytest

USERS_CACHE = os.environ.get("CNNBUILD_CACHE")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNBUILD_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def users_cache(own_cache, monkeypatch):
    """The cache that the tests were started with, for what takes long to decode."""
    if USERS_CACHE is None:
        monkeypatch.delenv("CNNBUILD_CACHE")
    else:
        monkeypatch.setenv("CNNBUILD_CACHE", USERS_CACHE)
