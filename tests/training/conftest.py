"""What holds for the tests of training."""

from __future__ import annotations

import pytest

from cnnbuild.training import latency


@pytest.fixture(autouse=True)
def _no_patience_for_latency(monkeypatch):
    """Five passes instead of half a second of them: what they take is nobody's concern here."""
    monkeypatch.setattr(latency, "BUDGET_SECONDS", 0.0)
