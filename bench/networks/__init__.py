"""The networks that are timed, in two families, with their weights and batches."""

from bench.networks.chains import CHAINS
from bench.networks.description import Array, Network, Shape, Weights
from bench.networks.file import NetworkFile
from bench.networks.graphs import GRAPHS

__all__ = [
    "CHAINS",
    "FAMILIES",
    "GRAPHS",
    "NETWORKS",
    "Array",
    "Network",
    "NetworkFile",
    "Shape",
    "Weights",
]

FAMILIES: dict[str, tuple[Network, ...]] = {"chains": CHAINS, "graphs": GRAPHS}
NETWORKS: dict[str, Network] = {
    network.name: network for family in FAMILIES.values() for network in family
}
