"""What the ranks of a group must have in common when `fit` begins, and decide together later."""

from __future__ import annotations

import zlib
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnx import _core
from cnnx.distributed import Group

if TYPE_CHECKING:
    from cnnx.models.training import Training


def begin_together(group: Group, training: Training) -> None:
    """
    Give all ranks the weights and the optimizer's state of rank 0.

    Raises
    ------
    RuntimeError
        If a rank has another version, model, data set or settings of `fit` than rank 0; it names
        the rank and both.
    """
    _compare(group, _in_common(training))
    model = training.model
    with model.lock:
        model.set_weights(group.broadcast(model.get_weights()))
        model.set_optimizer_state(group.broadcast(model.compiled_optimizer.get_state()))


def _in_common(training: Training) -> list[str]:
    rate = training.model.compiled_optimizer.get_config()["learning_rate"]
    return [
        f"cnnx {_core.__version__}",
        *training.description(),
        f"the learning rate {rate}",
        *training.settings(),
    ]


def _compare(group: Group, lines: list[str]) -> None:
    found = group.gather(lines)
    for rank, others in enumerate(found):
        for line, other in zip_longest(found[0], others):
            if line != other:
                raise RuntimeError(f"fit: rank {rank} has {other}, but rank 0 has {line}")


def go_on_together(group: Group, training: Training) -> None:
    """
    Stop training on all ranks if it is to stop on one.

    Raises
    ------
    RuntimeError
        If the ranks' weights are no longer the same.
    """
    model = training.model
    parameters = model.parameters
    sums = zlib.crc32(parameters.values.data), zlib.crc32(parameters.state.data)
    found = group.gather((model.stop_training, sums))
    model.stop_training = any(stops for stops, _ in found)
    for rank, (_, sums) in enumerate(found):
        if sums != found[0][1]:
            raise RuntimeError(
                f"fit: rank {rank} has other weights than rank 0 after epoch {training.epoch}; a "
                "callback or another program changed them, or the rates, on one rank alone"
            )


def stop_together(group: Group, training: Training) -> None:
    """Stop training on all ranks if it is to stop on one, within an epoch."""
    model = training.model
    model.stop_training = bool(group.sum(np.array([model.stop_training], np.int64))[0])


def draw_together(group: Group, state: dict[str, Any]) -> dict[str, Any]:
    """Return a state of training's generators with the part of rank 0 that all ranks share."""
    shared = group.broadcast({"cnnx": state["global"]["cnnx"], "layers": state["layers"]})
    return state | {
        "global": state["global"] | {"cnnx": shared["cnnx"]},
        "layers": shared["layers"],
    }
