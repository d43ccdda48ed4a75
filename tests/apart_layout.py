"""Arrays of a plan that share no memory, to compare with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cnnx.graph.memory import Place, Region


def lie_apart(
    regions: Sequence[Region], rows: int, held: Mapping[Region, Place]
) -> tuple[dict[Region, int], int]:
    """Return what `lay_out` does, with every region in a place of its own after those held."""
    first = max(place.stop for place in held.values())
    ends = np.cumsum([first, *(region.size * rows for region in regions)]).tolist()
    return dict(zip(regions, ends, strict=False)), ends[-1]
