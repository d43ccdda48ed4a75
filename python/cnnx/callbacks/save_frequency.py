"""How often a callback saves."""

from typing import Any

from cnnx.geometry import integer


class SaveFrequency:
    """
    After each epoch, or after every so many batches, counted across epochs.

    Parameters
    ----------
    value
        'epoch' or a number of batches.
    owner
        What errors begin with.

    Attributes
    ----------
    batches
        Batches since it last was time to save.
    """

    def __init__(self, value: Any, owner: str) -> None:
        self._every = None if value == "epoch" else integer(value, f"{owner}: save_freq")
        self.batches = 0

    def after_batch(self) -> bool:
        """Count a batch, and return whether it is time to save."""
        if self._every is None:
            return False
        self.batches = (self.batches + 1) % self._every
        return self.batches == 0

    def after_epoch(self) -> bool:
        """Return whether it is time to save."""
        return self._every is None
