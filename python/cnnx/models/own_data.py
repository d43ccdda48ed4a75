"""What steps of a user's own are handed: data as they are given, as arrays, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnx import distributed
from cnnx.arrays import FLOAT32, Array, real_array
from cnnx.distributed import Group
from cnnx.models.batches import Batches, Stream, first_steps
from cnnx.models.data_form import DataForm, unpack_x_y_sample_weight
from cnnx.models.inputs import channels_last, check_stands_alone
from cnnx.streams import is_stream

if TYPE_CHECKING:
    from cnnx.models.model import Model


class OwnBatches(Batches):
    """
    Batches of `Batches`, as copies that may be kept and written to, each with its form behind it.

    Parameters
    ----------
    form
        Of the data.
    arrays
        All that is in it.
    batch_size, shuffle
        As for `Batches`.
    """

    def __init__(
        self, form: DataForm, arrays: list[Array], batch_size: int, shuffle: bool = False
    ) -> None:
        sources = ((array, _kind(array)) for array in arrays)
        super().__init__(*sources, batch_size=batch_size, shuffle=shuffle)
        self._form = form

    def run(self, order: Array | None, first: int = 0) -> Iterator[list[Any]]:
        """Yield the batches of samples in an order, from that with number `first` on."""
        for arrays in super().run(order, first):
            yield [*(array.copy() for array in arrays), self._form]


def _kind(array: Array) -> np.dtype[Any]:
    return FLOAT32 if array.dtype.kind == "f" else array.dtype


def own_arrays(
    model: Model,
    x: Any,
    y: Any,
    sample_weight: Any,
    operation: str,
    class_weight: Mapping[int, float] | None = None,
) -> tuple[DataForm, list[Array]]:
    """
    Return the form of data, and the arrays in them, of one length.

    Raises
    ------
    TypeError, ValueError
        For what is no array of numbers, or of another length.
    """
    if x is None:
        raise TypeError(f"{operation}: x is missing")
    form = DataForm(x, y, sample_weight)
    arrays = [real_array(part, f"{operation}: {name}") for name, part in form.parts]
    if model.built:
        for place, value in enumerate(model.graph.inputs[: len(arrays)]):
            arrays[place] = channels_last(form.parts[place][1], arrays[place], value.shape[1:])
    names = [name for name, _ in form.parts]
    for name, array in zip(names, arrays, strict=True):
        if not array.ndim or len(array) != len(arrays[0]):
            found = len(array) if array.ndim else "is a single number: 1"
            raise ValueError(
                f"{operation}: {names[0]} and {name} must have the same length: {names[0]} has "
                f"{len(arrays[0]) if arrays[0].ndim else 1} samples, {name} {found}"
            )
    if class_weight is not None:
        factors = _factors(names, arrays, class_weight, operation)
        left = arrays[: names.index("y") + 1]
        return DataForm(x, y, factors), [*left, factors]
    return form, arrays


def _factors(
    names: list[str], arrays: list[Array], class_weight: Mapping[int, float], operation: str
) -> Array:
    """Return the weights of samples with the classes' weights multiplied in."""
    if names[1:] not in (["y"], ["y", "sample_weight"]):
        raise ValueError(
            f"{operation}: class_weight is for one array x and one array y; use sample_weight"
        )
    labels = arrays[1]
    if labels.ndim > 1:
        labels = labels.argmax(-1) if labels.shape[-1] > 1 else labels[..., 0]
    factors = np.ones(labels.shape, np.float32)
    for label, factor in class_weight.items():
        factors[labels == label] = factor
    if len(arrays) > 2:
        given = arrays[2]
        factors *= given.reshape(given.shape + (1,) * (factors.ndim - given.ndim))
    return factors


def own_stream(
    model: Model,
    x: Any,
    y: Any,
    sample_weight: Any,
    operation: str,
    class_weight: Mapping[int, float] | None = None,
    steps: int | None = None,
    group: Group | None = None,
) -> Stream:
    """Return the batches of a stream, each with its form behind it."""
    check_stands_alone(y, sample_weight, operation)

    def check(batch: Any) -> list[Any]:
        form, arrays = own_arrays(model, *unpack_x_y_sample_weight(batch), operation, class_weight)
        return [*(array.astype(_kind(array)) for array in arrays), form]

    found = Stream(x, check, operation, steps, group)
    if not model.built:
        build_for(model, check(found.first()))
    return found


def build_for(model: Model, batch: list[Any]) -> None:
    """Build a model that is not built yet for the samples of a batch."""
    with model.lock:
        if not model.built:
            model.build(batch[0].shape)


def check_parts(batches: Batches, operation: str) -> None:
    """Raise ValueError if a rank has none of the samples of the last batch."""
    ranks, left = distributed.group().size, batches.samples % batches.most
    if 0 < left < ranks:
        raise ValueError(
            f"{operation}: steps of your own need samples on every rank, but the last of the "
            f"batches of {batches.most} has {left} for {ranks} ranks: leave out {left} of "
            f"{batches.samples}, or take another batch_size"
        )


def own_batches(
    model: Model,
    x: Any,
    y: Any,
    sample_weight: Any,
    batch_size: int,
    steps: int | None,
    operation: str,
    group: Group | None = None,
) -> Batches | Stream:
    """Return the batches of a data set in the form that users give it."""
    if is_stream(x):
        return own_stream(model, x, y, sample_weight, operation, None, steps, group)
    form, arrays = own_arrays(model, x, y, sample_weight, operation)
    build_for(model, arrays)
    return OwnBatches(form, first_steps(arrays, batch_size, steps, operation), batch_size)
