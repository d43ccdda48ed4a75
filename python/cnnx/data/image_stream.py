"""Batches of pictures that are read from files while a network works on those before."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnx import distributed, random
from cnnx.arrays import Array
from cnnx.data.batch_stream import BatchStream
from cnnx.data.class_labels import ClassLabels
from cnnx.data.decoder import Decoder, ReadAhead, Reading
from cnnx.data.findings import Findings

__all__ = ["ImageStream"]


class ImageStream(BatchStream):
    """Batches (pictures, labels) that are read from files, anew each time it is iterated.

    While one batch is used the threads decode the next. `image_folder` makes it; `fit`, `evaluate`
    and `predict` take it in place of arrays. With ``label_mode=None`` it yields pictures alone, for
    `predict`. Several passes may run at once, in threads or not.

    In a group of processes (`cnnx.distributed`), each rank reads its part of each batch alone. A
    batch is as large as those of all ranks together; a part may be empty.

    Attributes
    ----------
    samples : int
        Number of pictures, of all ranks. Files found to be unreadable in one pass are left out of
        the next.
    file_paths : list of Path
        The file of each picture, in the order of a pass without shuffling. A file that cannot be
        read is no longer listed after the first pass.
    left_out : dict
        The files that were found to be unreadable so far, and why.
    """

    def __init__(
        self,
        decoder: Decoder,
        files: list[Path],
        labels: NDArray[np.int64],
        classes: ClassLabels,
        batch_size: int,
        shuffle: bool,
        seed: int | None,
    ) -> None:
        self._decoder = decoder
        self._samples = files, labels  # replaced together: passes may run at once
        self._classes = classes
        self._batch_size = batch_size
        self._generator = None if seed is None else random.generator(seed)
        self._shuffle = shuffle
        self._left_out: dict[Path, str] = {}
        self._findings = Findings(decoder.folder)
        self._told: set[Path] = set()

    @property
    def samples(self) -> int:
        """Number of pictures."""
        return len(self._samples[0])

    @property
    def file_paths(self) -> list[Path]:
        """The file of each picture, in the order of a pass without shuffling."""
        return list(self._samples[0])

    @property
    def left_out(self) -> dict[Path, str]:
        """The files that were found to be unreadable so far, and why."""
        return dict(self._left_out)

    def __len__(self) -> int:
        return -(-self.samples // (self._batch_size * distributed.group().size))

    def get_state(self) -> dict[str, Any]:
        """Return where the stream's own generator stands, and the files that it leaves out."""
        generator = self._generator
        return {
            "random": None if generator is None else generator.bit_generator.state,
            "left_out": {str(file): reason for file, reason in sorted(self._left_out.items())},
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        if self._generator is not None and state["random"] is not None:
            self._generator.bit_generator.state = state["random"]
        self.leave_out({Path(file): reason for file, reason in state["left_out"].items()})

    def __iter__(self) -> Iterator[Array | tuple[Array, Array]]:
        files, labels = self._samples
        if not files:
            raise ValueError(
                f"{self._decoder.folder}: none of the {len(self._left_out):,} files of this stream "
                "could be read as a picture; `left_out` says why"
            )
        generator = self._generator or random.generator()
        count = len(files)
        order = generator.permutation(count) if self._shuffle else np.arange(count)
        group = distributed.group()
        size = self._batch_size * group.size
        batches = np.split(order, range(size, count, size))
        parts = [batch[group.part(len(batch))] for batch in batches]
        reading = self._decoder.reading()
        try:
            with reading:
                waiting = self._begin(reading, files, parts[0])
                for part, following in zip(parts, [*parts[1:], None], strict=True):
                    x, pictures = waiting
                    found = pictures.found()
                    if following is not None:
                        waiting = self._begin(reading, files, following)
                    self._tell_first_loss(reading.findings)
                    if found.any() or group.size > 1:
                        x = x if found.all() else x[found]
                        if self._classes.mode is None:
                            yield x
                        else:
                            yield x, self._classes.targets(labels[part[found]])
        finally:  # also where the pass is left half way
            self.leave_out(reading.findings.left_out)
            self._findings.add(reading.findings)
        self._findings.without(self._told).warn(self._classes.lost(labels, self._samples[1]))
        self._told |= self._findings.files()

    def _tell_first_loss(self, findings: Findings) -> None:
        """Warn before the first batch that loses what its pictures show, not after all of them."""
        if findings.lost and not self._findings.lost:
            early = Findings(self._decoder.folder, lost=dict(findings.lost))
            self._findings.add(early)
            self._told |= early.files()
            early.warn()

    def _begin(
        self, reading: Reading, files: list[Path], part: NDArray[np.int64]
    ) -> tuple[Array, ReadAhead]:
        x = self._decoder.pictures(len(part))
        return x, reading.begin([files[index] for index in part], x)

    def description(self) -> str:
        """Return the number of files and a checksum of their names."""
        names = "\n".join(file.name for file in self._samples[0])
        return f"{self.samples} pictures, checksum of their names {zlib.crc32(names.encode()):08x}"

    def leave_out(self, found: Mapping[Path, str]) -> None:
        """Leave files out of later passes, and note why."""
        self._left_out |= found
        files, labels = self._samples
        kept = [index for index, file in enumerate(files) if file not in self._left_out]
        self._samples = [files[index] for index in kept], labels[kept]
