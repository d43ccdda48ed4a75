"""Tables of wrong input: what a user does, the error, and what its message must say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Row = tuple[Callable[[], Any], type[Exception], list[str]]


def table(**sections: dict[str, Row]) -> dict[str, Row]:
    """Return the rows of all sections, each by the section's name and its own."""
    return {
        f"{section}: {name}": row
        for section, rows in sections.items()
        for name, row in rows.items()
    }


def assert_refused(call: Callable[[], Any], kind: type[Exception], fragments: list[str]) -> None:
    with pytest.raises(kind) as error:
        call()
    for fragment in fragments:
        error.match(fragment)
