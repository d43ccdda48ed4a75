"""What cnnx runs on: threads, instruction set and build."""

from typing import Any

from cnnx import _core
from cnnx.geometry import integer

__all__ = [
    "active_isa",
    "available_isas",
    "build_config",
    "conv_algorithm",
    "num_threads",
    "set_conv_algorithm",
    "set_isa",
    "set_num_threads",
    "show_config",
]


def num_threads() -> int:
    """Return the number of threads an operation may use."""
    return _core.num_threads()


def set_num_threads(n: int) -> None:
    """
    Set the number of threads an operation may use.

    Parameters
    ----------
    n
        At least 1; 0 returns to the default: OMP_NUM_THREADS, else the CPUs of the affinity mask
        and the container's quota.
    """
    _core.set_num_threads(integer(n, "set_num_threads: n", minimum=0))


def available_isas() -> list[str]:
    """Return the instruction sets this machine can run, best first; "ref" is always last."""
    return _core.available_isas()


def active_isa() -> str:
    """Return the instruction set in use: the environment variable CNNX_ISA, else the best."""
    return _core.active_isa()


def set_isa(name: str) -> None:
    """
    Use another instruction set from now on.

    Raises
    ------
    ValueError
        If this machine or build does not have it.
    """
    if name not in available_isas():
        raise ValueError(
            f"instruction set {name!r} is not available; choose from {', '.join(available_isas())}"
        )
    _core.set_isa(name)


def conv_algorithm() -> str:
    """Return how convolutions are computed: "auto", "winograd", "direct" or "im2col"."""
    return _core.conv_algorithm()


def set_conv_algorithm(name: str) -> None:
    """
    Compute convolutions in another way from now on.

    Parameters
    ----------
    name
        "auto", the default, chooses the fastest: Winograd's F(4x4, 3x3) for large layers with 3x3
        kernels and stride 1, F(2x2, 2x2) of the even and odd pixels for stride 2, F(6, 3) and
        F(4, 5) for signals, otherwise as "direct". "direct" reads images where they lie and sums
        the products as they are written; take it for runs that are compared number by number.
        "winograd" takes Winograd's products wherever it can: a quarter to two thirds of the
        multiplications, errors of up to 4e-6 of the largest result instead of 1e-6, and a NaN
        reaches all outputs of its tiles of two to six in a row. "im2col" copies the patches of an
        image into a matrix and multiplies it by the kernel: slow and plain. The environment
        variable CNNX_CONV_ALGORITHM sets the first
        value.

    Raises
    ------
    ValueError
        For any other name.
    """
    _core.set_conv_algorithm(name)


def build_config() -> dict[str, Any]:
    """Return the version, the compiler and its flags, and the instruction sets and threads."""
    return {
        "version": _core.__version__,
        **_core.build_info(),
        "available_isas": available_isas(),
        "active_isa": active_isa(),
        "conv_algorithm": conv_algorithm(),
        "num_threads": num_threads(),
    }


def show_config() -> None:
    """Print `build_config`, one entry a line."""
    config = build_config()
    width = max(map(len, config))
    for key, value in config.items():
        text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
        print(f"{key:<{width}}  {text}")
