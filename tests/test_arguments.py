"""Whatever is put in the place of a right argument, the error says which, of what, and why."""

from __future__ import annotations

import inspect
import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from argument_table import ENTRIES, TABLES, Entry, Table

pytestmark = pytest.mark.one_isa

SHARED = {"self", "kwargs", "name", "path", "dtype"}  # dtype says nothing


def owner_of(name: str) -> str:
    """Return what errors name."""
    return name.partition(".")[2]


def try_combinations(count: int) -> None:
    """Put up to three wrong values at once into calls; a crash ends the process."""
    chance = random.Random(1)
    wrong = [fault.of for entry in ENTRIES.values() for *_, fault in entry.faults()]
    for _ in range(count):
        name = chance.choice(list(ENTRIES))
        entry = ENTRIES[name]
        given = dict(entry.arguments)
        checked = [argument for argument in given if entry.kind(argument)]
        for argument in chance.sample(checked, min(len(checked), chance.randint(1, 3))):
            with suppress(Exception):  # some are made of arrays alone
                given[argument] = chance.choice(wrong)(given[argument])
        try:
            entry.call(**given)
        except (TypeError, ValueError) as error:
            if owner_of(name) not in str(error):
                raise AssertionError(f"{name}({given}) names nothing") from error


@pytest.mark.parametrize(
    "count", [2_000, pytest.param(200_000, marks=pytest.mark.thorough)], ids=str
)
def test_no_combination_crashes_the_process(count: int) -> None:
    """In a process of its own, so that a crash is a test that fails and names the line."""
    code = f"import test_arguments; test_arguments.try_combinations({count})"
    child = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-3000:]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_the_table_holds_everything_with_all_its_arguments(table: Table) -> None:
    assert set(table.entries) == set(table.public)
    for name, function in table.public.items():
        arguments = set(inspect.signature(function).parameters) - SHARED
        assert arguments <= set(table.entries[name].arguments), name


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_the_arguments_of_the_table_are_right(entry: Entry) -> None:
    entry.call(**entry.arguments)


@pytest.mark.parametrize("name", ENTRIES)
def test_wrong_arguments_are_refused_and_named(name: str) -> None:
    entry = ENTRIES[name]
    for argument, what, fault in entry.faults():
        wrong: Any = fault.of(entry.arguments[argument])
        error: Exception | None = None
        try:
            entry.call(**entry.arguments | {argument: wrong})
        except Exception as raised:
            error = raised
        message, seen = str(error), f"{argument}={what} gives {error!r}"
        assert isinstance(error, fault.error), seen
        assert owner_of(name) in message, seen
        assert argument in message or not fault.named, seen
        if isinstance(wrong, (int, float)) and what == repr(wrong):
            assert what in message or repr(float(wrong)) in message, seen
