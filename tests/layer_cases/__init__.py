"""Layers, arguments, inputs and oracles, by family, for `layer_test.py`."""

from layer_cases import activations, convolutions, normalization, pooling, randomness, reshaping
from layer_cases.case import Case

__all__ = ["CASES", "Case"]

CASES: dict[str, Case] = {
    **convolutions.CASES,
    **pooling.CASES,
    **normalization.CASES,
    **activations.CASES,
    **reshaping.CASES,
    **randomness.CASES,
}
