"""Ending training whose loss is no longer finite."""

import math

from cnnx.models.callback import Callback, Logs


class TerminateOnNaN(Callback):
    """
    Stop training after the batch in which the loss becomes NaN or infinite.

    Parameters
    ----------
    raise_error
        Whether to raise RuntimeError rather than to end `fit` as usual.
    """

    reports = ()

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = bool(raise_error)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Look at the loss: one NaN loss makes the epoch's mean NaN."""
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            if self.raise_error:
                raise RuntimeError(
                    f"TerminateOnNaN: the loss is {(logs or {})['loss']} in batch {batch + 1}; "
                    "lower the learning rate, or look for NaN in the data"
                )
            self.model.stop_training = True
