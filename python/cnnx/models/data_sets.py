"""Whole data sets that a model is handed, as batches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnnx import distributed
from cnnx.arrays import FLOAT32, Array
from cnnx.geometry import integer
from cnnx.models.array_epochs import ArrayEpochs
from cnnx.models.batches import Batches, Stream, first_steps
from cnnx.models.data_form import unpack_x_y_sample_weight
from cnnx.models.inputs import batches, data, samples, stream, stream_samples, weigh
from cnnx.models.own_data import (
    OwnBatches,
    build_for,
    check_parts,
    own_arrays,
    own_batches,
    own_stream,
)
from cnnx.streams import is_stream

if TYPE_CHECKING:
    from cnnx.models.model import Model

ClassWeight = Mapping[int, float]
Data = Batches | Stream | ArrayEpochs


def to_evaluate(
    model: Model,
    x: Any,
    y: Any,
    sample_weight: Any,
    batch_size: int,
    steps: int | None,
    operation: str,
) -> Batches | Stream:
    """Return the batches of a data set in the form that users give it."""
    if "test_step" in model.own_steps:
        found = own_batches(model, x, y, sample_weight, batch_size, steps, operation)
        if isinstance(found, Batches):
            check_parts(found, operation)
        return found
    if is_stream(x):
        return stream(model, x, y, sample_weight, operation, steps=steps)
    arrays = data(model, x, y, sample_weight, operation)
    return batches(model, first_steps(arrays, batch_size, steps, operation), batch_size)


def to_fit(
    model: Model,
    given: tuple[Any, Any, Any],
    class_weight: ClassWeight | None,
    split: float,
    validation: Any,
    batch_size: int,
    shuffle: bool,
    steps: tuple[int | None, int | None],
    judging_size: int,
) -> tuple[Data, Data | None]:
    """Return the batches to train on, and those to judge the model by, if there are any."""
    judging: Data | None = None
    training: Data
    own = "train_step" in model.own_steps
    if is_stream(given[0]):
        begin = own_stream if own else stream
        training = begin(model, *given, "fit", class_weight, steps[0])
        if split:
            raise ValueError("fit: a stream cannot be split; give validation_data")
    elif split and validation is None and model.own_steps:
        form, arrays = own_arrays(model, *given, "fit")
        kept, validation = (unpack_x_y_sample_weight(form.pack(p)) for p in _split(arrays, split))
        return to_fit(
            model, kept, class_weight, 0, validation, batch_size, shuffle, steps, judging_size
        )
    elif own:
        form, arrays = own_arrays(model, *given, "fit", class_weight)
        build_for(model, arrays)
        training = OwnBatches(form, arrays, batch_size, shuffle)
        check_parts(training, "fit")
    else:
        arrays = data(model, *given, "fit")
        if split and validation is None:
            arrays, held_back = _split(arrays, split)
            held_back = first_steps(held_back, judging_size, steps[1], "fit: validation_split")
            judging = batches(model, held_back, judging_size)
        arrays = weigh(model, arrays, class_weight, "fit")
        training = batches(model, arrays, batch_size, shuffle)
    if isinstance(training, Batches) and steps[0] not in (None, training.steps):
        training = ArrayEpochs(training, steps[0])
    if validation is not None:
        given = _validation(validation, "test_step" in model.own_steps)
        judging = to_evaluate(model, *given, judging_size, steps[1], "fit: validation_data")
    return training, judging


def check_steps(steps: int | None, name: str) -> int | None:
    """Return a number of batches or None; raises as `integer`."""
    return None if steps is None else integer(steps, name)


def to_predict(model: Model, x: Any, batch_size: int, steps: int | None) -> Batches | Stream:
    """Return batches of samples alone."""
    # Other streams than those that are cut in parts give each rank its own predictions.
    group = distributed.group() if getattr(x, "shared", False) is True else distributed.Group()
    if "predict_step" in model.own_steps:
        return own_batches(model, x, None, None, batch_size, steps, "predict", group)
    if is_stream(x):
        return Stream(x, stream_samples(model, "predict"), "predict", steps, group)
    arrays = first_steps(samples(model, x, "predict"), batch_size, steps, "predict")
    return Batches(*((array, FLOAT32) for array in arrays), batch_size=batch_size)


def _validation(data: Any, own: bool) -> tuple[Any, Any, Any]:
    """Return x, y and sample_weight."""
    if is_stream(data):
        return data, None, None
    if own:
        return unpack_x_y_sample_weight(data)
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise ValueError(
            "fit: validation_data must be (x, y), (x, y, sample_weight) or a stream of batches, "
            f"got {type(data)}"
        )
    return data[0], data[1], data[2] if len(data) == 3 else None


def _split(data: Sequence[Array], share: float) -> tuple[list[Array], list[Array]]:
    """Cut off the last `share` of the samples."""
    samples = len(data[0])
    count = math.floor(round(samples * (1 - share), 6))  # 1 - .9 is a little less than .1
    if count in (0, samples):
        raise ValueError(
            f"fit: validation_split={share} of {samples} samples leaves none to "
            f"{'validate' if count else 'train'} on"
        )
    return [array[:count] for array in data], [array[count:] for array in data]
