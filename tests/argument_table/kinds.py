"""Kinds of arguments, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Fault(NamedTuple):
    """What to put in the place of an argument that is right, and the error that follows."""

    error: type[Exception]
    of: Callable[[Any], Any]
    """The wrong value, made of the right one."""
    named: bool = True
    """Whether the message names the argument; which one is wrong is not clear for all shapes."""


Kind = dict[str, Fault]


def values(*wrong: Any) -> Kind:
    return {repr(value): Fault(ValueError, lambda _, value=value: value) for value in wrong}


def types(*wrong: Any) -> Kind:
    return {repr(value): Fault(TypeError, lambda _, value=value: value) for value in wrong}


NAN, INFINITY = float("nan"), float("inf")
NO_NUMBERS = types("2", b"2", 1j, None, [1], {}, np.complex64(1), np.bool_(True), np.ones(2))
FROM_0 = values(-1, 2**63) | types(True, 1.5, 2.0, NAN) | NO_NUMBERS
COUNT = FROM_0 | values(0, 2**31)
PAIR = values(0, -1, 2**31, 2**63, -(2**63), (1, 2, 3), (1,), (2, 0)) | types(
    True, 1.5, "2", 1j, (1, 1.5), {}
)
HUGE: Kind = {"10**400": Fault(ValueError, lambda _: 10**400)}
REAL = HUGE | values(NAN, INFINITY) | types(True) | NO_NUMBERS
RATE = REAL | values(-1, -1e-30)
OPTIONAL_RATE = {name: fault for name, fault in RATE.items() if name != "None"}
SHARE = RATE | values(1.5)
BELOW_1 = SHARE | values(1)
PADDING = values("causal", -1, 2**31, 2**63, (1, 2, 3), ((1, 1), (1, -1)), ((1, 1),)) | types(
    True, 1.5, 1j, {}, ((1, 1), (1, 1.5))
)


def less(kind: Kind, *names: str) -> Kind:
    """Return a kind without some of its faults, which are none here."""
    return {name: fault for name, fault in kind.items() if name not in names}


# Of sequences: one number, or one before and one after.
STEP = less(PAIR, "(1,)", "(1, 1.5)") | values((1, 2)) | types((1.5,))
ENDS = less(PADDING, "'causal'", "((1, 1),)", "((1, 1), (1, 1.5))") | types((1, 1.5)) | values((1,))
VERBOSE = values(3, -1, "loud", 1.5, None, [1])
CHOICE = values("nonsense", "") | types(3, True, ["valid"])
FUNCTION = values("nonsense") | types(3, 1.5, ["relu"], {})  # or its name
OBJECT = (
    FUNCTION
    | values({"class_name": "nonsense", "config": {}})
    | types({"class_name": 3, "config": {}}, {"class_name": "zeros", "config": 3})
)
OBJECT_OR_NONE = {name: fault for name, fault in OBJECT.items() if name != "None"}
NAME = types(3, "", ["a"])
FLAG: Kind = {}  # Python's truth will do
SEED = {name: fault for name, fault in FROM_0.items() if name != "None"}
OPTIONAL_COUNT = {name: fault for name, fault in COUNT.items() if name != "None"}
CORE_SEED = values(-1, 2**64) | types(True, 1.5) | NO_NUMBERS
SHAPE = values((4, 0), (4, -1), (4, 2**31)) | types(4, "44", (4, 1.5), (4, True), None)
NUMBERS: Kind = {
    "complex": Fault(TypeError, lambda a: np.asarray(a).astype(np.complex64)),
    "objects": Fault(TypeError, lambda a: np.asarray(a).astype(object)),
    "text": Fault(TypeError, lambda a: np.asarray(a).astype(str)),
    "bytes": Fault(TypeError, lambda a: np.asarray(a).astype("S4")),
    "dates": Fault(TypeError, lambda a: np.asarray(a).astype(int).astype("datetime64[s]")),
    "durations": Fault(TypeError, lambda a: np.asarray(a).astype(int).astype("timedelta64[s]")),
    "records": Fault(TypeError, lambda a: np.zeros(np.shape(a), [("a", "f4")])),
    "masked": Fault(TypeError, lambda a: np.ma.masked_less(a, 0)),
    "ragged": Fault(TypeError, lambda _: [[1.0], [1.0, 2.0]]),
    "a string": Fault(TypeError, lambda _: "digits"),
    "a dict": Fault(TypeError, lambda _: {0: 1}),
    "a set": Fault(TypeError, lambda _: {1.0}),
}
MISSING = {"None": Fault(TypeError, lambda _: None)}
ARRAY: Kind = NUMBERS | MISSING
FITTED: Kind = (
    NUMBERS
    | {  # one shape alone
        "one row fewer": Fault(ValueError, lambda a: a[:-1], named=False),
        "an axis more": Fault(ValueError, lambda a: a[None], named=False),
    }
)
MATRIX: Kind = ARRAY | {
    "a row": Fault(ValueError, lambda a: a[0]),
    "an axis more": Fault(ValueError, lambda a: a[None]),
    "a number": Fault(ValueError, lambda _: 3.0),
}
IMAGES: Kind = MATRIX | {
    "without channels": Fault(ValueError, lambda a: a[..., 0]),
    "no rows": Fault(ValueError, lambda a: a[:, :0]),
    "no channels": Fault(ValueError, lambda a: a[..., :0]),
}
LABELS: Kind = FITTED | {
    "one too large": Fault(ValueError, lambda y: [*y[:-1], 3], named=False),
    "2**62": Fault(ValueError, lambda y: [*y[:-1], 2**62], named=False),
    "2**63": Fault(ValueError, lambda y: np.array([*y[:-1], 2**63], np.uint64), named=False),
    "negative": Fault(ValueError, lambda y: [*y[:-1], -1], named=False),
    "NaN": Fault(ValueError, lambda y: [*y[:-1], NAN], named=False),
    "infinite": Fault(ValueError, lambda y: [*y[:-1], -INFINITY], named=False),
    "1.5": Fault(ValueError, lambda y: [*y[:-1], 1.5], named=False),
    "one too many": Fault(ValueError, lambda y: [*y, 0], named=False),
    "one-hot": Fault(ValueError, lambda y: np.eye(3)[y], named=False),
    "none": Fault(ValueError, lambda y: y[:0], named=False),
}

KINDS: dict[str, Kind] = {
    **dict.fromkeys(["x", "kernel", "dy", "y", "a", "b", "k", "p", "q"], ARRAY),
    **dict.fromkeys(["bias", "gamma", "beta", "mean", "variance"], FITTED),
    **dict.fromkeys(["strides", "pool_size", "dilation_rate", "kernel_size", "image_size"], PAIR),
    **dict.fromkeys(["groups", "filters", "units", "depth_multiplier"], COUNT),
    **dict.fromkeys(["batch_size", "num_classes", "validation_batch_size"], OPTIONAL_COUNT),
    "validation_freq": {k: f for k, f in COUNT.items() if k != "[1]"} | values([0]) | types([1.5]),
    **dict.fromkeys(["epochs", "initial_epoch"], FROM_0),
    **dict.fromkeys(["rate", "beta_1", "beta_2", "rho", "validation_split"], BELOW_1),
    **dict.fromkeys(["momentum", "label_smoothing", "ema_momentum"], SHARE),
    **dict.fromkeys(["learning_rate", "weight_decay", "initial_accumulator_value"], RATE),
    **dict.fromkeys(["clipnorm", "clipvalue", "global_clipnorm"], OPTIONAL_RATE | values(0)),
    "ema_overwrite_frequency": OPTIONAL_COUNT,
    "gradient_accumulation_steps": OPTIONAL_COUNT | values(1),
    **dict.fromkeys(["initial_learning_rate", "end_learning_rate", "alpha", "power"], RATE),
    **dict.fromkeys(["negative_slope", "decay_rate", "epsilon", "stddev"], RATE),
    **dict.fromkeys(["scale", "offset", "threshold", "minval", "maxval"], REAL),
    **dict.fromkeys(["operation", "order", "fill_mode", "distribution"], CHOICE),
    **dict.fromkeys(["color_mode", "label_mode", "bias_operation"], CHOICE),
    "activation": FUNCTION,
    **dict.fromkeys(["optimizer", "loss", "kernel_initializer"], OBJECT),
    **dict.fromkeys(["bias_initializer", "scale_initializer", "beta_initializer"], OBJECT),
    "alpha_initializer": OBJECT,
    **dict.fromkeys(["gamma_initializer", "moving_mean_initializer"], OBJECT),
    **dict.fromkeys(["depthwise_initializer", "pointwise_initializer"], OBJECT),
    "moving_variance_initializer": OBJECT,
    "data_format": values("first", "NHWC"),
    **dict.fromkeys(["padding", "mode"], PADDING),
    **dict.fromkeys(["decay_steps", "first_decay_steps", "total_steps"], FROM_0 | values(0)),
    **dict.fromkeys(["max_learning_rate", "m_mul"], RATE),
    "pct_start": BELOW_1,
    **dict.fromkeys(["l1", "l2"], OPTIONAL_RATE),
    **dict.fromkeys(["factor", "max_value"], RATE),
    **{
        f"{weight}_{kind}": OBJECT_OR_NONE
        for weight in ["kernel", "bias", "gamma", "beta", "alpha", "depthwise", "pointwise"]
        for kind in ["regularizer", "constraint"]
    },
    "activity_regularizer": OBJECT_OR_NONE,
    "seed": SEED,
    "ignore_class": types(1.5, "255", True) | values(2**31),
    "name": NAME,
    **dict.fromkeys(["use_bias", "keepdims", "center", "from_logits", "nesterov", "cycle"], FLAG),
    **dict.fromkeys(
        ["normalize", "averaging", "epsilon_in_root", "epsilon_hat", "staircase", "return_dict"],
        FLAG,
    ),
    **dict.fromkeys(["training", "shuffle", "amsgrad", "centered", "use_ema"], FLAG),
}


class Entry(NamedTuple):
    call: Callable[..., Any]
    arguments: dict[str, Any]
    oracle: Callable[..., Any] | None = None
    """The result in float64 as a function of the arrays among the arguments, in their order."""
    kinds: dict[str, Kind] = {}  # noqa: RUF012
    """Those that differ from KINDS."""

    @property
    def arrays(self) -> dict[str, Array]:
        return {k: v for k, v in self.arguments.items() if isinstance(v, np.ndarray)}

    def kind(self, argument: str) -> Kind:
        return self.kinds[argument] if argument in self.kinds else KINDS[argument]

    def faults(self) -> Iterator[tuple[str, str, Fault]]:
        """Every argument with every fault of its kind."""
        for argument in self.arguments:
            for name, fault in self.kind(argument).items():
                yield argument, name, fault
