"""Networks as graphs: what the user wrote, what runs, and where its arrays lie."""

from cnnx.graph.graph import Graph
from cnnx.graph.open_plan import plan_class
from cnnx.graph.plan import Plan

__all__ = ["Graph", "Plan", "plan_class"]
