"""What the commands' lines have in common."""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.networks import NETWORKS


def command_line(command: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser of the options that all commands have."""
    parser = argparse.ArgumentParser(f"python -m {command}", description=description)
    parser.add_argument(
        "--networks",
        type=list_of(NETWORKS),
        default=list(NETWORKS),
        metavar="NAME,...",
        help=", ".join(NETWORKS),
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="write all figures there")
    return parser


def add_turns(parser: argparse.ArgumentParser, rounds: int) -> None:
    """Add the options of turns."""
    parser.add_argument("--rounds", type=number, default=rounds, help="turns of each")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each turn")


def list_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Return a parser of names with commas between them."""
    names = list(known)

    def parse(text: str) -> list[str]:
        chosen = text.split(",") if text else []
        for name in chosen:
            if name not in names:
                raise argparse.ArgumentTypeError(f"no {name!r}; choose from {', '.join(names)}")
        return chosen

    return parse


def number(text: str) -> int:
    """Parse a whole number >= 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number >= 1")
    return int(text)


def number_list(text: str) -> list[int]:
    """Parse whole numbers >= 1 with commas between them."""
    return [number(part) for part in text.split(",")]


def count_list(text: str) -> list[int]:
    """Parse whole numbers >= 0 with commas between them."""
    return [0 if part == "0" else number(part) for part in text.split(",")]
