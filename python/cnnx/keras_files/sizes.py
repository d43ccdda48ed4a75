"""How much memory a file may take beyond its own size."""

ROOM = 32 << 20
"""Bytes that may be unpacked from a file beyond four times its size."""
MAX_CONFIG = 2 << 20
"""Bytes of the text that describes a model."""


class Budget:
    """
    The bytes that may still be unpacked from a file.

    Parameters
    ----------
    size
        Of the file.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = 4 * size + ROOM

    def spend(self, count: int) -> None:
        """Count bytes of memory; raises ValueError if they are more than such a file may need."""
        if count > self._left:
            raise ValueError(
                f"{count:,} more bytes are to be unpacked from it, but it has {self._size:,} in all"
            )
        self._left -= count
