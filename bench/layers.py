"""Single convolutions, cnnx beside PyTorch: output, gradient of the input, gradient of the kernel.

Each framework runs in a process of its own, and they take turns. The layers are those of the
networks that are graphs, without bias.
"""

import argparse
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.comparison import Comparison, compare
from bench.frameworks import FRAMEWORKS, OURS, PEERS
from bench.machine import describe_machine
from bench.networks.description import Convolution, TransposedConvolution
from bench.options import add_turns, list_of, number
from bench.report import installed, print_heading, show_progress, write_json
from bench.tables import format_number, format_table, format_threads
from bench.tasks import PASSES, LayerTask
from bench.workers import Worker


def _convolution(
    size: int, side: int, read: int, filters: int, strides: int = 1, batch: int = 8
) -> LayerTask:
    layer = Convolution(filters, size, "same", None, strides, use_bias=False)
    return LayerTask(layer, (side, side, read), batch, PASSES)


def _depthwise(size: int, side: int, channels: int, strides: int = 1) -> LayerTask:
    layer = Convolution(channels, size, "same", None, strides, channels, use_bias=False)
    return LayerTask(layer, (side, side, channels), 8, PASSES)


def _transposed(side: int, read: int, filters: int) -> LayerTask:
    return LayerTask(
        TransposedConvolution(filters, 2, use_bias=False), (side, side, read), 8, PASSES
    )


def _sequence(size: int, steps: int, read: int, filters: int) -> LayerTask:
    layer = Convolution(filters, size, "same", use_bias=False)
    return LayerTask(layer, (steps, read), 32, PASSES)


LAYERS = (
    _convolution(3, 56, 64, 64),
    _convolution(3, 28, 128, 128),
    _convolution(3, 14, 256, 256),
    _convolution(3, 7, 512, 512),
    _convolution(3, 32, 16, 16, batch=32),
    _convolution(3, 8, 64, 64, batch=32),
    _convolution(3, 128, 1, 16),
    _convolution(3, 56, 64, 128, strides=2),
    _convolution(3, 28, 128, 256, strides=2),
    _convolution(3, 14, 256, 512, strides=2),
    _convolution(3, 32, 16, 32, strides=2, batch=32),
    _convolution(3, 224, 3, 32, strides=2),
    _convolution(7, 224, 3, 64, strides=2),
    _convolution(1, 56, 64, 256),
    _convolution(1, 56, 256, 64),
    _convolution(1, 14, 1024, 256),
    _convolution(1, 7, 512, 2048),
    _convolution(1, 112, 32, 16),
    _convolution(1, 56, 24, 144),
    _convolution(1, 14, 384, 64),
    _convolution(1, 7, 320, 1280),
    _convolution(1, 56, 256, 512, strides=2),
    _depthwise(3, 112, 32),
    _depthwise(3, 14, 384),
    _depthwise(3, 7, 960),
    _depthwise(5, 14, 240),
    _depthwise(7, 14, 240),
    _depthwise(3, 112, 96, strides=2),
    _depthwise(5, 28, 144, strides=2),
    _transposed(64, 32, 16),
    _transposed(16, 128, 64),
    _transposed(8, 256, 128),
    _sequence(7, 1000, 1, 16),
    _sequence(5, 500, 16, 32),
    _sequence(3, 250, 32, 64),
)


def describe(task: LayerTask) -> str:
    """Return what a layer is, but for the batch."""
    layer, (*size, channels) = task.layer, task.shape
    transposed = isinstance(layer, TransposedConvolution)
    taps = layer.size if isinstance(layer, TransposedConvolution) else layer.kernel_size
    strides = layer.size if isinstance(layer, TransposedConvolution) else layer.strides
    depthwise = isinstance(layer, Convolution) and layer.groups > 1
    kinds = {"transposed ": transposed, "depthwise ": depthwise, "1-D ": len(size) == 1}
    kind = "".join(name for name, holds in kinds.items() if holds)
    window, image = ("x".join(map(str, sides)) for sides in (len(size) * [taps], size))
    made = f"{channels}" if depthwise else f"{channels} to {layer.filters}"
    stride = f", stride {strides}" if strides > 1 else ""
    return f"{kind}{window}, {image}, {made}{stride}"


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser("python -m bench.layers", description=__doc__)
    add = parser.add_argument
    peers = [name for name in PEERS if FRAMEWORKS[name].layers]
    add("--only", default="", metavar="TEXT", help="layers whose description holds it")
    add("--peers", type=list_of(peers), default=["pytorch-channels-last"], metavar="NAME,...")
    add("--passes", type=list_of(PASSES), default=list(PASSES), metavar="PASS,...")
    add("--threads", type=number, default=2, metavar="N")
    add("--json", type=Path, metavar="PATH", help="write all figures there")
    add_turns(parser, rounds=5, seconds=0.1)
    return parser.parse_args(arguments)


def main() -> None:
    """Compare, and print a table."""
    options = parse_options()
    machine, names = describe_machine(), installed([OURS, *options.peers])
    layers = [layer for layer in LAYERS if options.only in describe(layer)]
    comparisons: list[Comparison[LayerTask]] = []
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(name, options.threads)) for name in names}
        versions = {name: worker.version() for name, worker in workers.items()}
        print_heading(machine, versions)
        for layer in layers:
            for name in options.passes:
                show_progress(f"{describe(layer)}: {name} ...")
                task = LayerTask(layer.layer, layer.shape, layer.batch, (name,))
                comparisons.append(
                    compare(workers, task, options.threads, options.rounds, options.seconds)
                )
    show_progress("")
    print(f"\n{format_threads(options.threads)}: ms, GFLOP/s, and best peer / {OURS}; medians")
    print(format_comparisons(comparisons, options.passes))
    for comparison in comparisons:
        for name, failure in comparison.failures.items():
            print(f"{name}, {describe(comparison.task)}, {comparison.task.passes[0]}: {failure}")
    records = [
        {
            "layer": describe(comparison.task),
            "batch": comparison.task.batch,
            "pass": comparison.task.passes[0],
            **comparison.record(),
        }
        for comparison in comparisons
    ]
    write_json(options.json, machine, versions, layers=records)


def format_comparisons(comparisons: Sequence[Comparison[LayerTask]], passes: Sequence[str]) -> str:
    """Return a table with a row for each layer, and three columns for each of its passes."""
    titles = [cell for name in passes for cell in (name, "GFLOP/s", "x")]
    rows: dict[str, list[str]] = {}
    for comparison in comparisons:
        task, best = comparison.task, comparison.best_peer
        row = rows.setdefault(f"{describe(task)}, batch {task.batch}", [])
        if OURS in comparison.times:
            seconds = statistics.median(comparison.times[OURS])
            row += [format_number(1e3 * seconds), f"{task.operations / seconds / 1e9:.0f}"]
        else:
            row += ["-", "-"]
        row.append(format_number(statistics.median(comparison.ratios(best))) if best else "-")
    return format_table([["layer", *titles], *([layer, *row] for layer, row in rows.items())])


if __name__ == "__main__":
    main()
