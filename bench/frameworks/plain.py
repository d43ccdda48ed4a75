"""The network `numpy_cnn` without a framework: loops in Python, SciPy, and im2col in NumPy."""

import importlib

import numpy as np

from bench.frameworks import Step
from bench.networks import Array, Network, Weights
from bench.networks.description import channels_first
from bench.plain.network import Adam, gradients
from bench.plain.operations import Operations


class Plain:
    """What the three share. Their threads are those of NumPy's matrix product."""

    way: str

    def __init__(self, threads: int) -> None:
        self._operations: Operations = importlib.import_module(f"bench.plain.{self.way}").OPERATIONS

    def version(self) -> str:
        return np.__version__

    def training_step(self, network: Network, weights: list[Weights], x: Array, y: Array) -> Step:
        if network.name != "numpy_cnn":
            raise ValueError(f"{self.way} trains numpy_cnn alone, not {network.name}")
        arrays = [array.copy() for layer in channels_first(network, weights) for array in layer]
        images = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        adam = Adam(arrays)

        def step() -> float:
            loss, found = gradients(self._operations, arrays, images, y)
            adam.step(found)
            return loss

        return step


class Loops(Plain):
    way = "loops"


class ScipySignal(Plain):
    way = "scipy_signal"

    def version(self) -> str:
        import scipy

        return str(scipy.__version__)


class Im2col(Plain):
    way = "im2col"
