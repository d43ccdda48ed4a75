"""Functions as callbacks."""

from collections.abc import Callable
from typing import Any

from cnnx.models.callback import Callback


class LambdaCallback(Callback):
    """
    Calls functions given by name, each with the arguments of the method it stands for.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end
        Of (epoch, logs).
    on_train_begin, on_train_end
        Of (logs,).
    on_train_batch_begin, on_train_batch_end
        Of (batch, logs).
    **others
        For the methods of test and predict.
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **others: Callable[..., Any] | None,
    ) -> None:
        functions = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **others,
        }
        for name in others:
            if not (name.startswith("on_") and hasattr(Callback, name)):
                raise TypeError(f"LambdaCallback: callbacks have no method {name!r}")
        for name, function in functions.items():
            if function is not None:
                setattr(self, name, function)
