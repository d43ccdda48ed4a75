"""The command ``cnnx``: train a network, look at it, use it, hand it on."""

import argparse
import os
import sys
from collections.abc import Sequence

import cnnx
from cnnx.command import evaluate, export, info, predict, report, summary, train

__all__ = ["main"]

USAGE_ERROR = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    0 when all went well, 1 when the reader of the output has gone (which ends no training), 2 for a
    mistake of the caller (named on the error stream), 130 after Ctrl-C.
    """
    parser = argparse.ArgumentParser(
        prog="cnnx", description="Convolutional networks for images on ordinary CPUs."
    )
    parser.add_argument("--version", action="version", version=f"cnnx {cnnx.__version__}")
    parser.set_defaults(run=lambda _: parser.print_help())
    commands = parser.add_subparsers(metavar="command")
    for command in (train, predict, evaluate, report, summary, export, info):
        command.add_to(commands)
    options = parser.parse_args(arguments)
    try:
        if getattr(options, "threads", None) is not None:
            cnnx.config.set_num_threads(options.threads)
        options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        print("\ncnnx: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return 1
    except (ImportError, OSError, ValueError) as error:
        print(f"cnnx: error: {error}", file=sys.stderr)
        _drop_output()
        return USAGE_ERROR
    return 0


def _drop_output() -> None:
    """Drop what the output does not take: Python would try again at its end, and end with 120."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
