"""What workers are asked for: a step of a network, a pass of a layer, and the memory of a step."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from typing import cast

import numpy as np

from bench.frameworks import (
    Framework,
    ImportingFramework,
    LayerFramework,
    Step,
    TrainingFramework,
)
from bench.networks import NETWORKS, Array, Network, NetworkFile, Shape, Weights
from bench.networks.description import Convolution, TransposedConvolution
from bench.resident import resident_bytes, resident_peak, restart_resident_peak


@dataclass(frozen=True)
class NetworkTask:
    """A step of a network on one batch; all frameworks get the same weights and samples."""

    network: str
    mode: str
    batch: int

    def prepare(self, framework: Framework) -> Step:
        network = NETWORKS[self.network]
        return _step(framework, self.mode, network, network.weights(), network.batch(self.batch))


@dataclass(frozen=True)
class FileTask:
    """Inference with the network of an ONNX file on one batch."""

    file: NetworkFile
    batch: int
    mode = "inference"

    @property
    def network(self) -> str:
        return self.file.name

    def prepare(self, framework: Framework) -> Step:
        x = np.random.default_rng(0).random((self.batch, *self.file.sample_shape), np.float32)
        return cast(ImportingFramework, framework).file_step(self.file, x)


@dataclass(frozen=True)
class CallersTask:
    """Predictions of one network, which Python's threads share out among themselves."""

    network: str
    batch: int
    callers: int
    predictions: int = 1000

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


PASSES = "forward", "data", "weights"
"""Of a convolution: itself, and the gradients of its input and of its kernel."""


@dataclass(frozen=True)
class LayerTask:
    """One pass, or several in turn, of a convolution without bias."""

    layer: Convolution | TransposedConvolution
    shape: Shape
    batch: int
    passes: tuple[str, ...]

    def prepare(self, framework: Framework) -> Step:
        generator = np.random.default_rng(0)

        def draw(*shape: int) -> Array:
            return generator.standard_normal(shape, np.float32)

        kernel = 0.1 * draw(*self.layer.weight_shapes(self.shape)[0])
        x = draw(self.batch, *self.shape)
        dy = draw(self.batch, *self.layer.output_shape(self.shape))
        steps = [
            cast(LayerFramework, framework).layer_step(self.layer, kernel, x, dy, name)
            for name in self.passes
        ]
        return steps[0] if len(steps) == 1 else lambda: [step() for step in steps]

    @property
    def operations(self) -> int:
        """Multiplications and additions of a pass, in plain loops."""
        kernel = self.layer.weight_shapes(self.shape)[0]
        transposed = isinstance(self.layer, TransposedConvolution)
        windows = self.shape if transposed else self.layer.output_shape(self.shape)
        return 2 * self.batch * prod(windows[:-1]) * prod(kernel)


@dataclass(frozen=True)
class MemoryTask:
    """The bytes that a network and its first steps add to a fresh process."""

    network: str
    mode: str
    batch: int
    steps: int = 3

    def prepare(self, framework: Framework) -> Step:
        # What is imported at the first step, and the threads, are the framework's own.
        first = NETWORKS["iq"]
        _step(framework, self.mode, first, first.weights(), first.batch(1))()
        network = NETWORKS[self.network]
        weights, batch = network.weights(), network.batch(self.batch)
        before = resident_bytes()
        step = _step(framework, self.mode, network, weights, batch)
        restart_resident_peak()
        for _ in range(self.steps):
            step()
        added = resident_peak() - before
        return lambda: added


def _step(
    framework: Framework,
    mode: str,
    network: Network,
    weights: list[Weights],
    batch: tuple[Array, Array],
) -> Step:
    x, y = batch
    if mode == "training":
        return cast(TrainingFramework, framework).training_step(network, weights, x, y)
    return framework.inference_step(network, weights, x)
