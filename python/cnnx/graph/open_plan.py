"""What runs where sizes are left open: a plan for each size that comes."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy as shallow_copy
from typing import Any, TypeAlias

from cnnx.arrays import Array, Float, Shape
from cnnx.graph.binding import Binding
from cnnx.graph.fusions import Passes
from cnnx.graph.graph import Graph
from cnnx.graph.latest import Latest
from cnnx.graph.memory import Arena
from cnnx.graph.plan import Plan

MOST_SIZES = 8
"""Sizes of samples whose plans stay made."""

Sizes: TypeAlias = tuple[Shape, ...]
"""The shape of one sample of each input."""


def sizes_of(graph: Graph, arrays: Sequence[Array]) -> Sizes:
    """Return the sizes of a batch, which holds an array for each input first."""
    return tuple([array.shape[1:] for array in arrays[: len(graph.inputs)]])


class OpenPlan(Plan):
    """
    How a graph runs whose inputs leave sizes open.

    The plans of the `MOST_SIZES` sizes used last stay. They compute in one piece of memory in turn,
    and share what is made of the weights, so that further sizes take little.

    Parameters are those of `Plan`.
    """

    def __init__(self, graph: Graph, **settings: Any) -> None:
        super().__init__(graph, **settings)
        self._passes: Passes = {}
        self._sized = Latest[Sizes, Plan](MOST_SIZES)

    def _for_sizes(self, sizes: Sizes) -> Plan:
        graph, new = self.graph.sized(sizes)
        plan = Plan(
            graph,
            training=self.training,
            learns=self.learns,
            gradients_of=[new[value] for value in self.gradients_of],
            keep=[new[value] for value in self.keep],
            passes=self._passes,
            lent=self.lent,
        )
        plan.recording = self.recording
        plan.use(self.arena)
        return plan

    def at(self, arrays: Sequence[Array]) -> Plan:
        """Return the plan for the sizes of a batch."""
        return self._sized.get(sizes_of(self.graph, arrays), self._for_sizes)

    def bind_to(self, arrays: Sequence[Array]) -> Binding:
        """Return the calls for a batch."""
        return self.at(arrays).bind(len(arrays[0]))

    def twin(self) -> Plan:
        """Return a plan of the same operations with arrays of its own, for another thread."""
        twin: OpenPlan = shallow_copy(self)
        twin.use(Arena())
        twin._sized = Latest[Sizes, Plan](MOST_SIZES)
        return twin

    def forward(self, *inputs: Float) -> list[Float]:
        """Return the outputs, then the values to keep, in arrays that the next call overwrites."""
        return self.bind_to(inputs).forward(*inputs)


def plan_class(graph: Graph) -> type[Plan]:
    """Return the class of plans of a graph, whose inputs may leave sizes open."""
    return OpenPlan if graph.is_open else Plan
