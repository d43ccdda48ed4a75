"""What each rank of `bench.distributed` runs: python -m bench.ranks NETWORK BATCH."""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import cnnx
from bench.frameworks.cnnx import build_model
from bench.networks import NETWORKS
from cnnx.callbacks import LambdaCallback
from cnnx.distributed import Group
from cnnx.models import gradient_sum
from cnnx.models.joint_step import JointStep

STEPS = 32
"""Steps of an epoch."""
SECONDS = 2.0
"""How long the steps are measured."""


def main() -> None:
    """Print the seconds of steps, of their messages, of the sum of all gradients, and more."""
    network, batch = NETWORKS[sys.argv[1]], int(sys.argv[2])
    group = cnnx.distributed.init()
    model = build_model(network, network.weights())
    data = network.batch(batch * group.size * STEPS)
    steps, messages = step_seconds(group, model, *data, batch)
    size = sum(weight.size for weight in model.trainable_weights)
    found = {"steps": steps, "bytes": 4 * size, "in_messages": messages}
    if group.size > 1:
        small, large = (sum_seconds(group, count) for count in (1, 1 << 20))
        latency, bandwidth = small / 2, (4 << 20) / max(large - small, 1e-9)
        found |= {"sum": sum_seconds(group, size), "messages": [latency, bandwidth]}
        gradient_sum.LEAST = size + 1  # all gradients at the end
        found["in_later_messages"] = step_seconds(group, model, *data, batch)[1]
    if group.rank == 0:
        print(json.dumps(found))


def step_seconds(
    group: Group, model: cnnx.Model, x: np.ndarray, y: np.ndarray, batch: int
) -> tuple[list[float], list[float]]:
    """
    Return the mean seconds of a step, for each epoch, and those of messages in each.

    Of messages those of the rank that spent least: the others also waited for it.
    """
    begun, seconds, messages = [0.0], [], []
    timing = LambdaCallback(
        on_epoch_begin=lambda *_: begun.append(time.perf_counter()),
        on_epoch_end=lambda *_: seconds.append((time.perf_counter() - begun[-1]) / STEPS),
    )
    differentiated = JointStep.differentiated

    def noted(step: JointStep, *batch: Any) -> list[float]:
        before = group.seconds
        values = differentiated(step, *batch)
        messages.append(group.seconds - before)
        return values

    def fit(epochs: int) -> None:
        model.fit(x, y, batch, epochs=epochs, verbose=0, callbacks=timing)

    fit(3)
    epochs = group.broadcast(max(5, min(200, int(SECONDS / STEPS / min(seconds)))))
    seconds.clear()
    JointStep.differentiated = noted
    fit(epochs)
    JointStep.differentiated = differentiated
    return seconds, np.min(group.gather(messages), axis=0).tolist()


def sum_seconds(group: Group, count: int) -> float:
    """Return the seconds of a sum of so many numbers over all ranks."""
    array = np.zeros(count, np.float32)

    def once() -> float:
        group.barrier()
        begun = time.perf_counter()
        group.sum(array)
        return time.perf_counter() - begun

    return median(once)


def median(measure: Callable[[], float], times: int = 30) -> float:
    """Return the median of some measurements, after a first one that does not count."""
    measure()
    return statistics.median(measure() for _ in range(times))


if __name__ == "__main__":
    main()
