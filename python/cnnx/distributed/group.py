"""The processes that train together."""

from __future__ import annotations

from typing import TypeVar

from cnnx.arrays import Array

T = TypeVar("T")


class Pending:
    """A sum over all ranks that was begun; this class alone is one that has ended."""

    def advance(self) -> bool:
        """Let the sum go on beside other work; return whether it has ended."""
        return True

    def wait(self) -> None:
        """Wait for its end; no rank may touch the array before."""


class Group:
    """
    The processes that train together; this class alone is a group of one.

    The methods are for all ranks at once: each rank calls the same ones in the same order.

    Attributes
    ----------
    rank
        Number of this process, from 0.
    size
        Number of processes.
    local_rank, local_size
        The same among the processes of this machine.
    seconds
        What messages, and waiting for other ranks, have taken so far.
    """

    rank = 0
    size = 1
    local_rank = 0
    local_size = 1
    seconds = 0.0

    def sum(self, array: Array) -> Array:
        """
        Replace the numbers of an array by their sums over all ranks.

        Parameters
        ----------
        array
            Contiguous, of the same shape and dtype on each rank.

        Returns
        -------
        The same array.
        """
        self.begin_sum(array).wait()
        return array

    def begin_sum(self, array: Array) -> Pending:
        """Begin what `sum` does, and return what is to be waited for."""
        return Pending()

    def gather(self, value: T) -> list[T]:
        """Return what each rank gave, in their order; values are of any kind that pickles."""
        return [value]

    def broadcast(self, value: T) -> T:
        """Return what rank 0 gave; the other ranks' values do not count."""
        return value

    def rows(self, array: Array) -> Array:
        """
        Return the rows of all ranks' arrays below each other, in the order of the ranks.

        Arrays without rows may be of any shape and dtype.
        """
        return array

    def part(self, count: int) -> slice:
        """Return which of `count` things are this rank's: ranks differ by one thing at most."""
        least, more = divmod(count, self.size)
        first = self.rank * least + min(self.rank, more)
        return slice(first, first + least + (self.rank < more))

    def barrier(self) -> None:
        """Wait until all ranks are here."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: rank {self.rank} of {self.size}>"


_present = Group()


def group() -> Group:
    """Return the group that `init` made; a group of one before."""
    return _present


def enter(made: Group) -> None:
    """Make a group the present one."""
    global _present
    _present = made
