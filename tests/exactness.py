"""Compare random layers and losses with PyTorch and print how near the error bounds they come.

    python tests/exactness.py [cases] [--only NAME ...] [--oracle]

tries 1,000 of each by default, on every instruction set with 1 and 2 threads.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agreement import Backend, backends, restore_backend
from random_cases import FAMILIES, Case, random_case

Array = NDArray[Any]
Judge = Callable[[Case, Sequence[Array], Array], list[Array]]


def judge_by_torch(case: Case, arrays: Sequence[Array], dy: Array) -> list[Array]:
    """Return the output and the gradients that PyTorch computes in float64."""
    import torch

    tensors = [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in arrays]
    y = case.by_torch(*tensors)
    y.backward(torch.tensor(dy, dtype=torch.float64))
    return [y.detach().numpy(), *(tensor.grad.numpy() for tensor in tensors)]


def judge_by_oracle(case: Case, arrays: Sequence[Array], dy: Array) -> list[Array]:
    """Return the output and the gradients of the plain loops in reference."""
    return list(case.by_oracle(*arrays, dy=dy))


class Verdict(NamedTuple):
    """How one case went."""

    worst: float
    """The largest error as a share of its bound."""
    passed: bool
    """All errors within their bounds; whole numbers equal."""


def share(got: Array, expected: Array, bound: Array) -> float:
    """Return the largest error as a share of its bound; infinite where the bound is 0, or NaN."""
    error = np.abs(got - expected)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(error == 0, 0.0, error / bound)
    return float(np.nan_to_num(shares, nan=np.inf).max(initial=0.0))


def try_case(case: Case, judge: Judge, on: Sequence[Backend]) -> dict[Backend, Verdict]:
    """Compute one case on several backends and compare each with the judge."""
    expected = judge(case, case.arrays, case.dy)
    bounds = case.bounds(judge, expected)
    verdicts = {}
    for backend in on:
        backend.use()
        results = case.by_cnnx()
        for got, wanted in zip(results, expected, strict=True):
            assert got.shape == wanted.shape, f"{got.shape} for {wanted.shape}"
        equal = all(np.array_equal(*pair) for pair in zip(results, expected, strict=True))
        worst = max(share(*triple) for triple in zip(results, expected, bounds, strict=True))
        verdicts[backend] = Verdict(worst, worst <= 1 and (equal or not case.whole))
    return verdicts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=int, nargs="?", default=1000, help="of each layer and loss")
    parser.add_argument(
        "--only", nargs="+", choices=FAMILIES, default=FAMILIES, metavar="NAME", help="of the table"
    )
    parser.add_argument(
        "--oracle", action="store_true", help="compare with plain loops: slow, without PyTorch"
    )
    options = parser.parse_args()
    count, judge = options.cases, judge_by_oracle if options.oracle else judge_by_torch
    on = backends()
    isas = list(dict.fromkeys(backend.isa for backend in on))
    print(f"{'':38}{'cases':>6}{'whole':>7}{'failures':>10}   largest error / bound")
    print(f"{'':61}" + "".join(f"{isa:>9}" for isa in isas) + f"{'seconds':>9}")
    start, tried, failed = time.perf_counter(), 0, 0
    with restore_backend():
        for family in options.only:
            begin = time.perf_counter()
            worst, failures, whole = dict.fromkeys(isas, 0.0), 0, 0
            for number in range(count):
                case = random_case(family, number)
                whole += case.whole
                for backend, verdict in try_case(case, judge, on).items():
                    worst[backend.isa] = max(worst[backend.isa], verdict.worst)
                    failures += not verdict.passed
            shares = "".join(f"{worst[isa]:>9.3f}" for isa in isas)
            seconds = time.perf_counter() - begin
            print(f"{family:38}{count:>6}{whole:>7}{failures:>10}{shares}{seconds:>9.1f}")
            tried, failed = tried + count, failed + failures
    print(
        f"{tried} cases, each with {len(on)} combinations of instruction set and threads: "
        f"{failed} failures, {time.perf_counter() - start:.0f} s"
    )


if __name__ == "__main__":
    main()
