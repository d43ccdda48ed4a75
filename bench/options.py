"""What the commands' lines have in common."""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.networks import FAMILIES, NETWORKS, NetworkFile
from bench.networks.file import ENDING


def command_line(
    command: str, description: str | None, files: bool = False
) -> argparse.ArgumentParser:
    """Return a parser of the options that all commands have; some take ONNX files as networks."""
    parser = argparse.ArgumentParser(f"python -m {command}", description=description)
    parser.add_argument(
        "--networks",
        type=network_and_file_list if files else network_list,
        default=network_list("chains"),
        metavar="NAME,...",
        help=f"of families ({', '.join(FAMILIES)}) or networks ({', '.join(NETWORKS)})"
        + ("; or FILE.onnx, FILE.onnx:3x640x640 where it leaves sizes open" if files else ""),
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="write all figures there")
    return parser


def add_turns(parser: argparse.ArgumentParser, rounds: int, seconds: float = 0.5) -> None:
    """Add the options of turns."""
    parser.add_argument("--rounds", type=number, default=rounds, help="turns of each")
    parser.add_argument("--seconds", type=float, default=seconds, help="of each turn")


def network_list(text: str) -> list[str]:
    """Parse names of networks and of families, which stand for all of theirs."""
    chosen = []
    for name in list_of([*FAMILIES, *NETWORKS])(text):
        chosen += [network.name for network in FAMILIES.get(name, ())] or [name]
    return chosen


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


def add_batches(parser: argparse.ArgumentParser) -> None:
    """Add the option of numbers of samples."""
    parser.add_argument(
        "--batch",
        type=batch_list,
        default=[None],
        metavar="N,...",
        help="samples a step; own: that of each network (default)",
    )


def batch_list(text: str) -> list[int | None]:
    """Parse numbers of samples, or "own" (None) for that of each network."""
    return [None if part == "own" else number(part) for part in text.split(",")]


def number_list(text: str) -> list[int]:
    """Parse whole numbers >= 1 with commas between them."""
    return [number(part) for part in text.split(",")]


def count_list(text: str) -> list[int]:
    """Parse whole numbers >= 0 with commas between them."""
    return [0 if part == "0" else number(part) for part in text.split(",")]


def network_and_file_list(text: str) -> list[str | NetworkFile]:
    """Parse names of networks and of families, and ONNX files."""
    parts: list[str | NetworkFile] = []
    for part in text.split(","):
        if f"{part}:".find(f"{ENDING}:") < 0:
            parts += network_list(part)
            continue
        try:
            parts.append(NetworkFile.parse(part))
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    return parts
