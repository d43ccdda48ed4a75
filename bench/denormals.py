"""What denormals cost: processor time of operations on 1e-39 beside the same on 1, on one thread.

The last line is NumPy, which leaves the processor's mode alone: what they would cost.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

import cnnx
from bench.machine import describe_machine
from bench.report import print_heading
from bench.tables import format_range, format_table
from cnnx import ops

ROUNDS = 15
LEAST_SECONDS = 0.05

Operation = Callable[[np.ndarray], object]


def operations() -> dict[str, Operation]:
    """Return operations on images (8, 32, 32, 16), by name."""
    kernel = np.full((3, 3, 16, 16), 0.5, np.float32)
    depthwise = np.full((3, 3, 1, 16), 0.5, np.float32)
    ones = np.ones(16, np.float32)
    return {
        "conv2d": lambda x: ops.conv2d(x, kernel, padding="same"),
        "conv2d, gradients": lambda x: ops.conv2d_backward(x, kernel, x, padding="same"),
        "conv2d, depthwise": lambda x: ops.conv2d(x, depthwise, padding="same", groups=16),
        "dense": lambda x: ops.dense(x.reshape(-1, 256), kernel.reshape(-1)[:2304].reshape(256, 9)),
        "average pooling": lambda x: ops.avg_pool2d(x, pool_size=2),
        "batch normalisation": lambda x: ops.batch_norm(x, ones, ones),
        "sigmoid": ops.sigmoid,
        "softmax": ops.softmax,
        "multiplication by NumPy": lambda x: x * np.float32(0.5),
    }


def seconds(operation: Operation, x: np.ndarray) -> float:
    """Return the processor time of one call."""
    calls, started = 0, time.thread_time()
    while (elapsed := time.thread_time() - started) < LEAST_SECONDS:
        operation(x)
        calls += 1
    return elapsed / calls


def main() -> None:
    """Measure, and print a table."""
    cnnx.config.set_num_threads(1)
    normal = np.full((8, 32, 32, 16), 1.0, np.float32)
    denormal = np.full_like(normal, 1e-39)
    rows = [("operation", "ms", "denormals / normal numbers (lowest - highest)")]
    for name, operation in operations().items():
        pairs = [(seconds(operation, normal), seconds(operation, denormal)) for _ in range(ROUNDS)]
        milliseconds = 1e3 * statistics.median(one for one, _ in pairs)
        rows.append((name, f"{milliseconds:.3g}", format_range([b / a for a, b in pairs])))
    print_heading(describe_machine(), {"cnnx": cnnx.__version__})
    print(format_table(rows))


if __name__ == "__main__":
    main()
