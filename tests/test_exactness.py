"""Random layers and losses are as near to PyTorch, or to the oracle, as float32 sums can be."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from agreement import Backend, backends
from cnnx import layers, losses
from cnnx.layers.augmentation import LAYERS as AUGMENTATION
from cnnx.losses.loss import Kernels
from exactness import Judge, judge_by_oracle, judge_by_torch, share, try_case
from random_cases import FAMILIES, Loss, random_case

# Losses of probabilities are tried with the outputs of a linear layer.
pytestmark = pytest.mark.filterwarnings("ignore:the output .* ends in")

HAS_TORCH = importlib.util.find_spec("torch") is not None
JUDGES = [judge_by_oracle, judge_by_torch] if HAS_TORCH else [judge_by_oracle]
SAMPLE = 6


def check(family: str, number: int, judge: Judge, on: list[Backend]) -> None:
    case = random_case(family, number)
    for backend, verdict in try_case(case, judge, on).items():
        assert verdict.passed, f"case {number} on {backend}: {verdict}, {vars(case)}"


# Those that only give an array another shape or are cases of others with one axis less, one that
# has no gradient, and those whose random numbers PyTorch does not draw.
PLAIN = {"Flatten", "Identity", "Reshape", "Cropping1D", "ZeroPadding1D", "Take", "Tile", "Padding"}
PLAIN |= {"ActivityRegularization", "CenterCrop"}
NOT_TRIED = {"InputLayer", "GaussianDropout", "ArgMax", "SpectralNormalization", *PLAIN} | {
    layer.__name__ for layer in AUGMENTATION
}


def test_every_layer_and_loss_is_tried() -> None:
    cases = [random_case(family, 0) for family in FAMILIES]
    tried = {type(case.layer()).__name__ for case in cases if not isinstance(case, Loss)}
    assert tried == set(layers.LAYERS) - NOT_TRIED
    # test_elementwise_loss, test_row_loss, test_losses and test_gradient_check compare the others.
    in_core = {cls for cls in losses.LOSSES.values() if isinstance(cls.on_outputs, Kernels)}
    assert in_core < {type(case.loss) for case in cases if isinstance(case, Loss)}


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_sample_stays_within_its_bounds(family: str, judge: Judge) -> None:
    for number in range(SAMPLE):
        check(family, number, judge, backends())


@pytest.mark.thorough
@pytest.mark.skipif(not HAS_TORCH, reason="PyTorch is not installed")
@pytest.mark.parametrize("family", FAMILIES)
def test_a_thousand_stay_within_their_bounds(family: str) -> None:
    for number in range(1000):
        check(family, number, judge_by_torch, backends())


@pytest.mark.parametrize("family", FAMILIES)
def test_an_error_of_a_thousandth_would_be_found(family: str) -> None:
    case = random_case(family, 0)
    expected = judge_by_oracle(case, case.arrays, case.dy)
    for result, bound in zip(expected, case.bounds(judge_by_oracle, expected), strict=True):
        error = 1e-3 * np.abs(result).max()
        assert not error or share(result + error, result, bound) > 1
