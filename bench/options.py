"""Lists on the command line."""

import argparse
from collections.abc import Callable, Iterable


def list_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Return a parser of names with commas between them."""
    names = list(known)

    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in names:
                raise argparse.ArgumentTypeError(f"no {name!r}; choose from {', '.join(names)}")
        return chosen

    return parse


def number_list(text: str) -> list[int]:
    """Parse numbers >= 1 with commas between them."""
    numbers = [int(number) for number in text.split(",")]
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{text}: numbers must be at least 1")
    return numbers
