"""What the commands' arguments may be."""

import argparse
import math
from typing import Any

Commands = Any
"""What `add_subparsers` returns; argparse has no public name for it."""


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the file of a network."""
    parser.add_argument("model", help="file of the network")


def add_test(parser: argparse.ArgumentParser) -> None:
    """Add a network, and the pictures that it is judged by."""
    add_model(parser)
    parser.add_argument(
        "dataset", help="folder with a folder of pictures for each class; or digits, or mnist"
    )
    parser.add_argument("--data", metavar="DIR", help="folder of MNIST's four files")
    parser.add_argument(
        "--size",
        metavar="N",
        type=count,
        help="a folder's pictures become NxN, where the network takes pictures of any size",
    )
    add_threads(parser)


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add the number of threads."""
    parser.add_argument(
        "--threads", metavar="N", type=count, help="threads to use (default: all that are granted)"
    )


def count(text: str) -> int:
    """Parse a whole number from 1."""
    return _whole_number(text, 1)


def seed(text: str) -> int:
    """Parse a whole number from 0."""
    return _whole_number(text, 0)


def _whole_number(text: str, least: int) -> int:
    if not text.isdecimal() or not least <= int(text) < 2**31:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number from {least} to 2**31 - 1"
        )
    return int(text)


def rate(text: str) -> float:
    """Parse a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value
