"""What the entries of layers share."""

from __future__ import annotations

from typing import Any

from agreement import normal
from argument_table.kinds import ARRAY, Array, Entry, Fault, Kind
from cnnx import layers

IMAGE = normal(20, 2, 6, 6, 2)
LAYER_INPUT: Kind = ARRAY | {
    "a number": Fault(ValueError, lambda _: 3.0),
    "no channels": Fault(ValueError, lambda a: a[..., :0], named=False),
}


def layer(cls: type[layers.Layer], kinds: dict[str, Kind] | None = None, **arguments: Any) -> Entry:
    """Construct a layer and use it once."""

    def call(x: Any, **given: Any) -> Array:
        return cls(**given)(x, training=True)

    return Entry(call, {"x": IMAGE} | arguments, None, {"x": LAYER_INPUT} | (kinds or {}))
