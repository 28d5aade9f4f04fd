"""All networks of the zoo that have an implementation to be compared with."""

from __future__ import annotations

from tests.zoo import classic, small_images

NETWORKS = [*classic.NETWORKS, *small_images.NETWORKS]
