"""All networks of the zoo that have an implementation to be compared with."""

from __future__ import annotations

from tests.zoo import classic, modern

NETWORKS = [*classic.NETWORKS, *modern.NETWORKS]
