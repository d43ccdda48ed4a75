"""The form in which samples, targets and weights are given: arrays, lists or dicts of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cnnx.models.form import Form


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Return what a stream of batches yields: x alone, (x, y) or (x, y, sample_weight)."""
    if y is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """
    Return x, y and sample_weight of what a stream of batches yields, None for those left out.

    Raises
    ------
    ValueError
        For a tuple of other than 1, 2 or 3.
    """
    found = tuple(data) if isinstance(data, (list, tuple)) else (data,)
    if not 1 <= len(found) <= 3:
        raise ValueError(
            f"unpack_x_y_sample_weight: data must be x, (x, y) or (x, y, sample_weight), got "
            f"{len(found)} entries"
        )
    x, y, sample_weight = (*found, None, None)[:3]
    return x, y, sample_weight


class DataForm:
    """
    Of what x, y and sample_weight consist.

    Parameters
    ----------
    x, y, sample_weight
        One thing, a list or a dict of several, or None.

    Attributes
    ----------
    parts
        All that they hold with its name, x first: ("x", ...), ("y[0]", ...), ....
    """

    def __init__(self, x: Any, y: Any = None, sample_weight: Any = None) -> None:
        self._forms: list[tuple[Form, int]] = []
        self.parts: list[tuple[str, Any]] = []
        for name, given in (("x", x), ("y", y), ("sample_weight", sample_weight)):
            form, found = _parts(given, name)
            self._forms.append((form, len(found)))
            self.parts += found

    def pack(self, items: Iterable[Any]) -> Any:
        """Return as many items as there are parts, as `pack_x_y_sample_weight` returns them."""
        left = list(items)
        packed = []
        for form, count in self._forms:
            packed.append(form.pack(left[:count]) if count else None)
            left = left[count:]
        return pack_x_y_sample_weight(*packed)


def _parts(given: Any, name: str) -> tuple[Form, list[tuple[str, Any]]]:
    if given is None:
        return Form(), []
    if isinstance(given, Mapping):
        return Form(list(given)), [(f"{name}[{key!r}]", part) for key, part in given.items()]
    if _is_list_of_arrays(given):
        return Form(), [(f"{name}[{place}]", part) for place, part in enumerate(given)]
    return Form(), [(name, given)]


def _is_list_of_arrays(given: Any) -> bool:
    return (
        isinstance(given, (list, tuple))
        and bool(given)
        and all(hasattr(part, "shape") and len(part.shape) for part in given)
    )


def gathered(found: Sequence[Any], join: Callable[[list[Any]], Any]) -> Any:
    """Return what each batch gave as one, in its form, its parts joined by a function."""
    first = found[0]
    if isinstance(first, Mapping):
        return {key: gathered([item[key] for item in found], join) for key in first}
    if isinstance(first, (list, tuple)):
        return [gathered(list(items), join) for items in zip(*found, strict=True)]
    return join(list(found))
