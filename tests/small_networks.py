"""The networks of the benchmarks, with images so small that every test can afford them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from bench.networks import CHAINS, GRAPHS, Network
from bench.networks.description import Weights

_INPUTS = {"unet": (16, 32, 1), "conv1d": (45, 1)}
"""Else graphs read colour images of 33x33 pixels."""

SMALL_NETWORKS: dict[str, Network] = {
    **{network.name: network for network in CHAINS},
    **{
        network.name: replace(network, input_shape=_INPUTS.get(network.name, (33, 33, 3)))
        for network in GRAPHS
    },
}


@lru_cache(maxsize=1)
def first_weights(name: str) -> list[Weights]:
    """Draw a network's weights, once for all tests of it that follow one another."""
    return SMALL_NETWORKS[name].weights()
