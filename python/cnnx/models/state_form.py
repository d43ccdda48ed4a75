"""The form of a state that was put down, beside that of one at hand."""

from typing import Any


def check_form(there: Any, here: Any, name: str) -> None:
    """Raise ValueError unless a nested state holds dicts, lists, numbers and texts as another."""
    if isinstance(here, dict):
        fits = isinstance(there, dict) and there.keys() == here.keys()
        items = [(there[key], here[key], f"{name}, {key}") for key in here] if fits else []
    elif isinstance(here, (list, tuple)):
        fits = isinstance(there, (list, tuple))
        items = []
        if fits and here:  # lists that are filled as training goes on are empty here
            fits = len(there) == len(here)
            items = [(one, other, name) for one, other in zip(there, here, strict=False)]
    else:
        kinds = (int, float) if isinstance(here, (int, float)) else type(here)
        may_lack = name.startswith("random")  # such as Python's second number of a pair
        fits = here is None or isinstance(there, kinds) or (may_lack and there is None)
        items = []
    if not fits:
        raise ValueError(f"{name} is {there!r}"[:200])
    for item, other, where in items:
        check_form(item, other, where)
