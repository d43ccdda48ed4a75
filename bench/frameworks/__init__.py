"""What runs the networks: cnnx and its peers. Each is imported only where it runs."""

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, cast

from bench.networks import Array, Network, NetworkFile, Weights
from bench.networks.description import Layer

Step: TypeAlias = Callable[[], Any]
"""Computes once, and waits for it: a training step returns its loss, inference the outputs."""

MODES = "training", "inference"


class Framework(Protocol):
    """
    A framework in a process of its own.

    It makes its steps for the batch as it likes it best: arrays or tensors in its own layout are
    ready before the first step.
    """

    def version(self) -> str:
        """Return what runs, in a few words."""

    def inference_step(self, network: Network, weights: list[Weights], x: Array) -> Step:
        """Return a step that computes the outputs."""


class TrainingFramework(Framework, Protocol):
    """A framework that trains too."""

    def training_step(self, network: Network, weights: list[Weights], x: Array, y: Array) -> Step:
        """Return a step of Adam."""


class LayerFramework(Framework, Protocol):
    """A framework that computes single layers too."""

    def layer_step(self, layer: Layer, kernel: Array, x: Array, dy: Array, way: str) -> Step:
        """
        Return one pass of a convolution without bias.

        It computes the output ("forward") from x, or the gradient of the input ("data") or of the
        kernel ("weights") from that of the output, dy.
        """


class ImportingFramework(Framework, Protocol):
    """A framework that runs ONNX files too."""

    def file_step(self, file: NetworkFile, x: Array) -> Step:
        """Return a step that computes the first output for a batch in the file's order."""


@dataclass(frozen=True)
class Entry:
    """Where a framework is found, what must be installed for it, and what it can do."""

    name: str
    path: str
    requires: tuple[str, ...]
    modes: tuple[str, ...] = MODES
    layers: bool = False  # whether it is a LayerFramework
    files: bool = False  # whether it is an ImportingFramework

    def missing(self) -> list[str]:
        """Return the packages that are not installed."""
        return [name for name in self.requires if importlib.util.find_spec(name) is None]

    def start(self, threads: int) -> Framework:
        """Import the framework into this process, with so many threads."""
        module, _, name = self.path.partition(":")
        framework = getattr(importlib.import_module(f"{__name__}.{module}"), name)
        return cast(Framework, framework(threads))


OURS = "cnnx"
FRAMEWORKS: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(OURS, "cnnx:Cnnx", ("cnnx",), layers=True, files=True),
        Entry("pytorch", "pytorch:PyTorch", ("torch",), layers=True),
        Entry(
            "pytorch-channels-last",
            "pytorch:PyTorchChannelsLast",
            ("torch",),
            layers=True,
        ),
        Entry("pytorch-compile", "pytorch:PyTorchCompile", ("torch",)),
        Entry("jax", "jax:Jax", ("jax",)),
        Entry(
            "onnxruntime",
            "onnx_runtime:OnnxRuntime",
            ("onnx", "onnxruntime"),
            ("inference",),
            files=True,
        ),
        Entry("openvino", "openvino:OpenVino", ("onnx", "openvino"), ("inference",), files=True),
        Entry("numpy-loops", "plain:Loops", ("numpy",), ("training",)),
        Entry("scipy", "plain:ScipySignal", ("scipy",), ("training",)),
        Entry("numpy-im2col", "plain:Im2col", ("numpy",), ("training",)),
    )
}
PLAIN = [name for name, entry in FRAMEWORKS.items() if entry.path.startswith("plain:")]
"""Programs without a framework, which know `numpy_cnn` alone."""
PEERS = [name for name in FRAMEWORKS if name not in (OURS, *PLAIN)]
