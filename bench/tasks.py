"""What is timed: a training step or the inference of a network."""

from dataclasses import dataclass
from typing import cast

from bench.frameworks import Framework, Step, TrainingFramework
from bench.networks import NETWORKS


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
