"""What a model is handed: checked against its inputs and outputs, and cut into batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnx.arrays import FLOAT32, Array, Float, contiguous, is_contiguous, is_tensor, real_array
from cnnx.buffer import Buffer
from cnnx.geometry import fits
from cnnx.models.batches import Batches, Stream
from cnnx.models.weighting import check_sample_weight, weigh_classes

if TYPE_CHECKING:
    from cnnx.models.compiled_network import CompiledNetwork
    from cnnx.models.head import Head
    from cnnx.models.network import Network

ClassWeight = Mapping[int, float]


def data(model: CompiledNetwork, x: Any, y: Any, sample_weight: Any, operation: str) -> list[Array]:
    """Return samples, targets and weights, if any, that fit the model and each other."""
    found = samples(model, x, operation)
    if not len(found[0]):
        raise ValueError(f"{operation}: x holds no samples, its shape is {found[0].shape}")
    return [
        *found,
        *targets(model, y, found, operation),
        *weights(model, sample_weight, found, operation),
    ]


def samples(model: Network, x: Any, operation: str) -> list[Array]:
    """Return `x` as arrays that fit the model's inputs, which is built if it is not yet."""
    if x is None:
        raise TypeError(f"{operation}: x is missing")
    if not model.built:
        with model.lock:
            if not model.built:
                model.build(_array(x, f"{operation}: x").shape)
    names = model.input_names
    parts = listed(x, names, f"{operation}: x")
    arrays = []
    for name, part, value in zip(names, parts, model.graph.inputs, strict=True):
        if _is_list_of_one(part) and np.ndim(part[0]) == len(value.shape):
            part = part[0]  # [x], as Keras takes it
        array = _array(part, f"{operation}: {'x' if len(names) == 1 else f'x[{name!r}]'}")
        array = channels_last(part, array, value.shape[1:])
        _check_shape(model, array, value.shape[1:], operation, "x" if len(names) == 1 else name)
        arrays.append(array)
    if len({len(array) for array in arrays}) > 1:
        counts = ", ".join(f"{name} {len(a)}" for name, a in zip(names, arrays, strict=True))
        raise ValueError(f"{operation}: all inputs need the same number of samples: {counts}")
    return arrays


def _is_list_of_one(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 1


def _array(value: Any, name: str) -> Array:
    array = real_array(value, name)
    if array.ndim == 0:
        raise ValueError(f"{name} must be an array of samples, got a single number")
    return array


def channels_last(given: Any, array: Array, expected: tuple[int, ...]) -> Array:
    """Return an array with its channels last, if it is a PyTorch tensor that fits no other way."""
    shape = array.shape
    moves = (
        len(shape) > 2
        and is_tensor(given)
        and not fits(shape[1:], expected)
        and fits((*shape[2:], shape[1]), expected)
    )
    return np.moveaxis(array, 1, -1) if moves else array


def _check_shape(
    model: Network, array: Array, expected: tuple[int, ...], operation: str, what: str
) -> None:
    if not fits(array.shape[1:], expected):
        wanted = ", ".join(["batch", *map(str, expected)])
        raise ValueError(
            f"{operation}: model '{model.name}' expects {what} of shape ({wanted}), "
            f"got {array.shape}{_remedy(array.shape, expected)}"
        )


def listed(value: Any, names: Sequence[str], what: str) -> list[Any]:
    """Return an entry for each name, from a dict by names or a list; one needs neither."""
    if isinstance(value, Mapping):
        if len(names) == 1 and set(value) != set(names):
            raise TypeError(
                f"{what} must be an array, or a dict that holds '{names[0]}'; got a dict of "
                f"{', '.join(map(repr, value)) or 'nothing'}"
            )
        missing, unknown = set(names) - set(value), set(value) - set(names)
        if missing or unknown:
            raise ValueError(
                f"{what} must hold {', '.join(map(repr, names))}, got {', '.join(map(repr, value))}"
            )
        return [value[name] for name in names]
    if len(names) == 1:
        return [value]
    if not isinstance(value, (list, tuple)) or len(value) != len(names):
        found = f"{len(value)}" if isinstance(value, (list, tuple)) else f"{type(value).__name__}"
        raise ValueError(
            f"{what} must be a dict or a list of {len(names)} arrays: {', '.join(names)}; "
            f"got {found}"
        )
    return list(value)


def targets(model: CompiledNetwork, y: Any, inputs: Sequence[Array], operation: str) -> list[Array]:
    """Return targets of the samples `inputs` that fit the model's outputs and losses."""
    heads = model.training_step(operation).at(inputs).heads
    return _targets(heads, y, len(inputs[0]), operation)


def _targets(heads: Sequence[Head], y: Any, count: int, operation: str) -> list[Array]:
    if y is None:
        raise TypeError(f"{operation}: y is missing")
    if len(heads) == 1 and (type(y) is np.ndarray or not isinstance(y, Mapping)):
        if _is_list_of_one(y) and np.ndim(y[0]) and count > 1:
            y = y[0]
        return [_target(heads[0], y, count, operation, "y")]
    names = [head.objective.output for head in heads]
    parts = listed(y, names, f"{operation}: y")
    return [
        _target(head, part, count, operation, f"y[{head.objective.output!r}]")
        for head, part in zip(heads, parts, strict=True)
    ]


def _target(head: Head, y: Any, count: int, operation: str, what: str) -> Array:
    array = real_array(y, f"{operation}: {what}")
    if array.ndim == 0 or len(array) != count:
        number = len(array) if array.ndim else "is a single number: 1"
        raise ValueError(
            f"{operation}: x and {what} must have the same length: x has {count} samples, "
            f"{what} {number}"
        )
    if array is not y:  # it may be a tensor's
        array = channels_last(y, array, head.shape)
    if head.loss is None:
        return array
    return head.loss.check_targets(array, (count, *head.shape), operation)


def weights(
    model: CompiledNetwork, sample_weight: Any, inputs: Sequence[Array], operation: str
) -> list[Float]:
    """Return no weights, those of all outputs, or those of each output."""
    if sample_weight is None:
        return []
    names, count = model.output_names, len(inputs[0])
    rows = [head.rows_of(count) for head in model.training_step(operation).at(inputs).heads]
    if len(names) > 1 and isinstance(sample_weight, (dict, list, tuple)):
        parts = listed(sample_weight, names, f"{operation}: sample_weight")
        pairs = zip(parts, rows, strict=True)
        return [check_sample_weight(part, of_one, operation) for part, of_one in pairs]
    of_all = rows[0] if len(names) == 1 else (count,)
    return [check_sample_weight(sample_weight, of_all, operation)]


def _types(model: CompiledNetwork, arrays: Sequence[Array]) -> list[np.dtype[Any]]:
    """Return the dtypes in which the core reads samples, targets and weights."""
    first = len(model.graph.inputs)
    heads = model.training_step("fit").heads
    kinds = [FLOAT32] * len(arrays)
    for place, head in enumerate(heads, first):
        if head.sparse:
            kinds[place] = arrays[place].dtype
    return kinds


def batches(
    model: CompiledNetwork, arrays: Sequence[Array], batch_size: int, shuffle: bool = False
) -> Batches:
    """Return batches of what `data` returned."""
    sources = zip(arrays, _types(model, arrays), strict=True)
    return Batches(*sources, batch_size=batch_size, shuffle=shuffle)


def stream(
    model: CompiledNetwork,
    x: Any,
    y: Any,
    sample_weight: Any,
    operation: str,
    class_weight: ClassWeight | None = None,
    steps: int | None = None,
) -> Stream:
    """Return the checked batches of a stream."""
    check_stands_alone(y, sample_weight, operation)
    ready = stream_samples(model, operation)

    def check(batch: Any) -> list[Any]:
        if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
            raise ValueError(
                f"{operation}: a stream must yield (x, y) or (x, y, sample_weight), "
                f"got {type(batch).__name__}"
            )
        inputs = ready(batch)
        weight = batch[2] if len(batch) == 3 else None
        heads = model.training_step(operation).at(inputs).heads
        rest = batch_targets(model, heads, batch[1], weight, inputs, operation, class_weight)
        return [*inputs, *rest]

    found = Stream(x, check, operation, steps)
    if not model.built:
        ready(found.first())  # builds the model
    return found


def check_stands_alone(y: Any, sample_weight: Any, operation: str) -> None:
    """Raise ValueError if targets or weights come beside a stream."""
    if y is not None or sample_weight is not None:
        raise ValueError(f"{operation}: x is a stream of batches and yields y and weights too")


def stream_samples(model: CompiledNetwork, operation: str) -> Callable[[Any], list[Any]]:
    """Return a function that makes the samples of a stream's batch what layers read."""
    buffers: list[Buffer] = []

    def check(batch: Any) -> list[Any]:
        x = batch[0] if isinstance(batch, (tuple, list)) else batch
        return _copied(samples(model, x, operation), buffers)

    return check


def batch(model: Network, x: Any, buffers: list[Buffer], operation: str) -> list[Float]:
    """Return `x` as a batch that layers read; as it is, if it can be read so."""
    if type(x) is np.ndarray and model.built and is_contiguous(x, FLOAT32):
        inputs = model.graph.inputs
        expected, found = inputs[0].shape[1:], x.shape[1:]
        if (found == expected or fits(found, expected)) and len(inputs) == 1:
            return [x]
    return _copied(samples(model, x, operation), buffers)


def _copied(arrays: Sequence[Array], buffers: list[Buffer]) -> list[Float]:
    """Return arrays as layers read them, in a buffer each."""
    buffers.extend(Buffer(()) for _ in arrays[len(buffers) :])
    copies = [buffer.like(array) for buffer, array in zip(buffers, arrays, strict=True)]
    for copy, array in zip(copies, arrays, strict=True):
        np.copyto(copy, array, casting="same_kind")
    return copies


def batch_targets(
    model: CompiledNetwork,
    heads: Sequence[Head],
    y: Any,
    sample_weight: Any,
    inputs: Sequence[Array],
    operation: str,
    class_weight: ClassWeight | None = None,
) -> list[Array]:
    """Return the targets of a batch and their weights, if any, as the core reads them."""
    if not len(inputs[0]):
        raise ValueError(f"{operation}: x holds no samples")
    found = ready = _targets(heads, y, len(inputs[0]), operation)
    for place, head in enumerate(heads):
        if not (head.sparse or is_contiguous(found[place], FLOAT32)):
            ready = [*ready[:place], contiguous(found[place], FLOAT32), *ready[place + 1 :]]
    if sample_weight is not None:
        ready = [*ready, *weights(model, sample_weight, inputs, operation)]
    if class_weight is None:
        return ready
    return weigh(model, [*inputs, *ready], class_weight, operation)[1:]


def weigh(
    model: CompiledNetwork, arrays: list[Array], class_weight: ClassWeight | None, operation: str
) -> list[Array]:
    """Return samples, targets and weights with the classes' weights multiplied in."""
    if class_weight is None:
        return arrays
    if len(model.graph.inputs) > 1 or len(model.graph.outputs) > 1:
        raise ValueError(
            f"{operation}: class_weight is for models with one input and one output; "
            "use sample_weight"
        )
    head = model.training_step(operation).at(arrays).heads[0]
    rows = head.rows_of(len(arrays[0]))
    return weigh_classes(arrays, class_weight, head.sparse, rows, operation)


def _remedy(shape: tuple[int, ...], expected: tuple[int, ...]) -> str:
    if (*shape[1:], 1) == expected:
        return "; add the channel axis: x[..., None]"
    if (*shape, 1) == expected:
        return "; one image is a batch too, with a channel axis: x[None, ..., None]"
    if shape == expected:
        return "; one sample is a batch too: x[None]"
    if len(shape) == 4 and (*shape[2:], shape[1]) == expected:
        return "; images have their channels last: np.transpose(x, (0, 2, 3, 1))"
    if len(shape) == 2 and len(expected) == 3 and shape[1] == _size(expected):
        return f"; restore the images: x.reshape((-1, {', '.join(map(str, expected))}))"
    if len(expected) == 1 and _size(shape[1:]) == expected[0]:
        return "; flatten the samples: x.reshape(len(x), -1)"
    return ""


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for extent in shape:
        size *= extent
    return size
