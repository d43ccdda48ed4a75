"""Ending training whose loss is no longer finite."""

import math

from cnnx.models.callback import Callback, Logs


class TerminateOnNaN(Callback):
    """Stop training after the batch in which the loss becomes NaN or infinite."""

    reports = ()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Look at the loss: one NaN loss makes the epoch's mean NaN."""
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            self.model.stop_training = True
