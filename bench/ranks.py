"""What each rank of `bench.distributed` runs: python -m bench.ranks NETWORK BATCH."""

import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

import cnnx
from bench.frameworks.cnnx import build_model
from bench.networks import NETWORKS
from cnnx.callbacks import LambdaCallback
from cnnx.distributed import Group

SECONDS = 2.0
"""How long the steps are measured."""


def main() -> None:
    """Print the seconds of steps, of the sum of all gradients, and of messages."""
    network, batch = NETWORKS[sys.argv[1]], int(sys.argv[2])
    group = cnnx.distributed.init()
    model = build_model(network, network.weights())
    steps = step_seconds(group, model, *network.batch(batch * group.size * 8), batch)
    size = sum(weight.size for weight in model.trainable_weights)
    found = {"steps": steps, "bytes": 4 * size}
    if group.size > 1:
        small, large = (sum_seconds(group, count) for count in (1, 1 << 20))
        latency, bandwidth = small / 2, (4 << 20) / max(large - small, 1e-9)
        found |= {"sum": sum_seconds(group, size), "messages": [latency, bandwidth]}
    if group.rank == 0:
        print(json.dumps(found))


def step_seconds(
    group: Group, model: cnnx.Model, x: np.ndarray, y: np.ndarray, batch: int
) -> list[float]:
    """Return the mean seconds of a step, for each epoch of eight steps."""
    begun, seconds = [0.0], []
    timing = LambdaCallback(
        on_epoch_begin=lambda *_: begun.append(time.perf_counter()),
        on_epoch_end=lambda *_: seconds.append((time.perf_counter() - begun[-1]) / 8),
    )

    def fit(epochs: int) -> None:
        model.fit(x, y, batch, epochs=epochs, verbose=0, callbacks=timing)

    fit(3)
    epochs = group.broadcast(max(5, min(200, int(SECONDS / 8 / min(seconds)))))
    seconds.clear()
    fit(epochs)
    return seconds


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
