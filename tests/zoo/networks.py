"""All networks of the zoo that have an implementation to be compared with."""

from __future__ import annotations

from tests.zoo import classic, modern, small_images

NETWORKS = [*classic.NETWORKS, *modern.NETWORKS, *small_images.NETWORKS]

SELDOM = frozenset(
    {(n.file, n.variant) for n in NETWORKS} - {(n.file, n.variant) for n in NETWORKS if n.often}
)
"""Files and variants that only exhaustive runs look at; every run looks at a relative of each."""
