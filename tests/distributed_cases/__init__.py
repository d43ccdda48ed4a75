"""
Trainings that several ranks share.

A case takes the group, and returns what has to be the same for any number of ranks.
"""

from __future__ import annotations

from distributed_cases import normalization, own_steps, streams, training
from distributed_cases.case import CASES

__all__ = ["CASES", "normalization", "own_steps", "streams", "training"]
