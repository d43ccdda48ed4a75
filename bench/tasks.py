"""What workers are asked for: a step of a network, of one layer, and the memory of a step."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from bench.frameworks import Framework, Step, TrainingFramework
from bench.networks import NETWORKS
from bench.resident import resident_bytes, resident_peak, restart_resident_peak

if TYPE_CHECKING:
    from bench.frameworks.cnnx import Cnnx


@dataclass(frozen=True)
class NetworkTask:
    """A step of a network on one batch; all frameworks get the same weights and samples."""

    network: str
    mode: str
    batch: int

    def prepare(self, framework: Framework) -> Step:
        network = NETWORKS[self.network]
        weights = network.weights()
        x, y = network.batch(self.batch)
        if self.mode == "training":
            return cast(TrainingFramework, framework).training_step(network, weights, x, y)
        return framework.inference_step(network, weights, x)


@dataclass(frozen=True)
class CallersTask:
    """Predictions of one network, which Python's threads share out among themselves."""

    network: str
    batch: int
    callers: int
    predictions: int = 200

    def prepare(self, framework: Framework) -> Step:
        predict = NetworkTask(self.network, "inference", self.batch).prepare(framework)
        pool = ThreadPoolExecutor(self.callers)

        def call(predictions: Iterator[int]) -> None:
            for _ in predictions:
                predict()

        def step() -> None:
            predictions = iter(range(self.predictions))  # each caller takes the next
            for caller in [pool.submit(call, predictions) for _ in range(self.callers)]:
                caller.result()

        return step


@dataclass(frozen=True)
class ConvolutionTask:
    """Forward and backward pass of a 3x3 convolution of square images, in cnnx alone."""

    channels: int
    size: int
    batch: int

    def prepare(self, framework: Framework) -> Step:
        return cast("Cnnx", framework).convolution_step(self.channels, self.size, self.batch)


@dataclass(frozen=True)
class MemoryTask:
    """The bytes that a network and its first training steps add to a fresh process."""

    network: str
    batch: int
    steps: int = 3

    def prepare(self, framework: Framework) -> Step:
        trainer = cast(TrainingFramework, framework)
        # What is imported at the first step, and the threads, are the framework's own.
        first = NETWORKS["iq"]
        trainer.training_step(first, first.weights(), *first.batch(1))()
        network = NETWORKS[self.network]
        weights = network.weights()
        x, y = network.batch(self.batch)
        before = resident_bytes()
        step = trainer.training_step(network, weights, x, y)
        restart_resident_peak()
        for _ in range(self.steps):
            step()
        added = resident_peak() - before
        return lambda: added
