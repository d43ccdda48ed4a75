"""The networks of the benchmarks, with images so small that every test can afford them."""

from __future__ import annotations

from dataclasses import replace

from bench.networks import CHAINS, GRAPHS, Network

_INPUTS = {"unet": (16, 32, 1), "conv1d": (45, 1)}
"""Else graphs read colour images of 33x33 pixels."""

SMALL_NETWORKS: dict[str, Network] = {
    **{network.name: network for network in CHAINS},
    **{
        network.name: replace(network, input_shape=_INPUTS.get(network.name, (33, 33, 3)))
        for network in GRAPHS
    },
}
