"""Folders of pictures, one sub-folder a class, as a data set."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnx import config, geometry, random
from cnnx.data.pictures import BYTES_PER_PIXEL, CHANNELS, Pixels, decode_picture
from cnnx.progress import Progress, check_verbose, quiet_progress

__all__ = ["ImageFolder", "ImageStream", "image_folder"]

Labels = NDArray[Any]

LABEL_MODES = ("binary", "categorical", "int")
AHEAD = 64  # pictures handed to the threads at a time when a whole folder is read
LEAST_PIXELS = 1 << 20  # what a thread must be able to decode


class ImageFolder(NamedTuple):
    """What `image_folder` returns.

    Attributes
    ----------
    train
        Arrays (x, y), or an `ImageStream`.
    validation
        The same for the pictures held back; None if there are none.
    class_names
        The names that the labels 0, 1, ... stand for.
    """

    train: Any
    validation: Any
    class_names: list[str]


def image_folder(
    path: str | os.PathLike[str],
    image_size: int | tuple[int, int] = (256, 256),
    color_mode: str = "rgb",
    *,
    label_mode: str = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float = 0.0,
    max_memory: int = 2 << 30,
    verbose: Any = "auto",
) -> ImageFolder:
    """Read a folder of pictures whose sub-folders are the classes.

    Files are read in the order of their names, however deep they lie in a class's folder; links to
    folders are not followed, and names that begin with a dot are passed over. Files that cannot be
    read as pictures are left out, and one warning names them all. Pictures are decoded by
    several threads, as `cnnx.config.num_threads` says.

    Parameters
    ----------
    path : path-like
        Holds a folder for each class: ``pets/cat/1.jpg``, ``pets/dog/2.png``.
    image_size : int or tuple
        Height and width that all pictures are stretched to.
    color_mode : str
        'rgb', or 'grayscale' for one channel.
    label_mode : str
        'int' (labels (n,)), 'categorical' (one-hot rows) or 'binary' (0 and 1, shape (n, 1), for
        one sigmoid output).
    class_names : sequence of str, optional
        Folders to use, in the order of the labels; by default all of them, sorted.
    batch_size : int, optional
        Gives streams of batches, which are decoded while the network learns from the one before;
        by default the pictures are read into two arrays.
    shuffle : bool
        Whether to mix the pictures before the split, and a stream's training part anew each epoch.
    seed : int, optional
        Makes that order repeatable; by default the global generator draws it.
    validation_split : float
        Share in [0, 1) of the pictures to hold back, taken from the end.
    max_memory : int
        Bytes that arrays (or the batches on their way) and decoding may take together.
    verbose : int or 'auto'
        0 shows nothing, otherwise a bar appears on a terminal while arrays are read.

    Returns
    -------
    ImageFolder
        (train, validation, class_names). Pixels are uint8 from 0 to 255, shape (n, height, width,
        channels): divide them by 255, or begin the network with ``Rescaling(1 / 255)``.

    Raises
    ------
    FileNotFoundError
        There is no such folder.
    ValueError
        It holds fewer than two classes or no pictures, or more than `max_memory`.
    ImportError
        Pillow is not installed.

    Warns
    -----
    UserWarning
        Names the files that were left out; for a stream, after its first pass.
    """
    size = geometry.pair(image_size, "image_folder: image_size")
    _one_of(color_mode, CHANNELS, "color_mode")
    _one_of(label_mode, LABEL_MODES, "label_mode")
    share = geometry.number(validation_split, "image_folder: validation_split", 0, 1)
    limit = geometry.integer(max_memory, "image_folder: max_memory", limit=1 << 62)
    batch = None if batch_size is None else geometry.integer(batch_size, "image_folder: batch_size")
    bar = check_verbose(verbose, "image_folder")
    if seed is not None:
        random.check_seed(seed, "image_folder: seed")
    folder = Path(path)
    names = _class_names(folder, class_names)
    if label_mode == "binary" and len(names) != 2:
        raise ValueError(f"{folder}: label_mode='binary' needs two classes, found {_list(names)}")
    files, labels = _files(folder, names)
    if shuffle:
        order = random.generator(seed).permutation(len(files))
        files, labels = [files[i] for i in order], labels[order]
    count = len(files) - round(len(files) * share)
    if not count:
        raise ValueError(f"{folder}: validation_split={share} leaves no picture to train on")
    decoder = _Decoder(folder, size, color_mode, limit, len(files) if batch is None else 3 * batch)
    targets = _targets(labels, label_mode, len(names))
    train, held_back = (files[:count], targets[:count]), (files[count:], targets[count:])
    if batch is not None:
        return ImageFolder(
            ImageStream(decoder, *train, batch, shuffle, seed),
            ImageStream(decoder, *held_back, batch, False, seed) if held_back[0] else None,
            names,
        )
    with quiet_progress("read pictures", len(files), bar) as progress:
        x, y = decoder.read(*train, progress)
        validation = decoder.read(*held_back, progress) if held_back[0] else None
    decoder.warn()
    if not len(x):
        raise ValueError(f"{folder}: none of the {len(files)} files could be read as a picture")
    return ImageFolder((x, y), validation, names)


class ImageStream:
    """Batches (pictures, labels) that are read from files, anew each time it is iterated.

    While one batch is used the threads decode the next. `image_folder` makes it; `fit`, `evaluate`
    and `predict` take it in place of arrays.

    Attributes
    ----------
    samples : int
        Number of pictures. Files found to be unreadable in one pass are left out of the next.
    """

    def __init__(
        self,
        decoder: _Decoder,
        files: list[Path],
        targets: Labels,
        batch_size: int,
        shuffle: bool,
        seed: int | None,
    ) -> None:
        self._decoder = decoder
        self._files = files
        self._targets = targets
        self._batch_size = batch_size
        self._generator = None if seed is None else random.generator(seed)
        self._shuffle = shuffle
        self._left_out: set[Path] = set()

    @property
    def samples(self) -> int:
        """Number of pictures."""
        return len(self._files)

    def __len__(self) -> int:
        return -(-len(self._files) // self._batch_size)

    def get_state(self) -> dict[str, Any]:
        """Return where the stream's own generator stands, and the files that it leaves out."""
        generator = self._generator
        return {
            "random": None if generator is None else generator.bit_generator.state,
            "left_out": sorted(map(str, self._left_out)),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        if self._generator is not None and state["random"] is not None:
            self._generator.bit_generator.state = state["random"]
        self._leave_out(set(map(Path, state["left_out"])))

    def __iter__(self) -> Iterator[tuple[Pixels, Labels]]:
        generator = self._generator or random.generator()
        count = len(self._files)
        order = generator.permutation(count) if self._shuffle else np.arange(count)
        parts = np.split(order, range(self._batch_size, count, self._batch_size))
        readable = np.ones(count, np.bool_)
        with ThreadPoolExecutor(self._decoder.threads) as pool:
            try:
                waiting = self._begin(pool, parts[0])
                for index, part in enumerate(parts):
                    pictures = [future.result() for future in waiting]
                    if index + 1 < len(parts):
                        waiting = self._begin(pool, parts[index + 1])
                    found = np.array([picture is not None for picture in pictures])
                    readable[part[~found]] = False
                    if found.any():
                        x = np.stack([picture for picture in pictures if picture is not None])
                        yield x, self._targets[part[found]]
            finally:
                pool.shutdown(cancel_futures=True)
        self._leave_out({self._files[index] for index in np.flatnonzero(~readable)})
        self._decoder.warn()

    def _leave_out(self, files: set[Path]) -> None:
        kept = [index for index, file in enumerate(self._files) if file not in files]
        self._files = [self._files[index] for index in kept]
        self._targets = self._targets[kept]
        self._left_out |= files

    def _begin(self, pool: ThreadPoolExecutor, part: Labels) -> list[Future[Pixels | None]]:
        return [pool.submit(self._decoder, self._files[index]) for index in part]


class _Decoder:
    """Decodes files within a budget of memory, and remembers those that it could not read."""

    def __init__(
        self, folder: Path, size: tuple[int, int], color_mode: str, max_memory: int, pictures: int
    ) -> None:
        self._folder = folder
        self._size = size
        self._color_mode = color_mode
        self.shape = (*size, CHANNELS[color_mode])
        kept = pictures * int(np.prod(self.shape))
        spare = max_memory - kept
        least = LEAST_PIXELS * BYTES_PER_PIXEL
        if spare < least:
            raise ValueError(
                f"{folder}: {pictures:,} pictures of {size[0]} x {size[1]} pixels take {kept:,} "
                f"bytes, and decoding {least:,}, more than max_memory={max_memory:,}; give a "
                "batch_size for a stream, a smaller image_size or batch_size, or more memory"
            )
        self.threads = min(config.num_threads(), spare // least)
        self._max_pixels = spare // self.threads // BYTES_PER_PIXEL
        self._faults: dict[Path, str] = {}

    def __call__(self, file: Path) -> Pixels | None:
        """Return a picture, or None if the file cannot be read as one."""
        try:
            return decode_picture(file, self._size, self._color_mode, self._max_pixels)
        except (OSError, ValueError) as error:
            self._faults[file] = str(error)
            return None

    def read(self, files: list[Path], targets: Labels, progress: Progress) -> tuple[Pixels, Labels]:
        """Return the pictures that can be read, and their labels."""
        x = np.empty((len(files), *self.shape), np.uint8)
        kept: list[int] = []
        with ThreadPoolExecutor(self.threads) as pool:
            for start in range(0, len(files), AHEAD):
                part = files[start : start + AHEAD]
                for index, picture in enumerate(pool.map(self, part), start):
                    if picture is not None:
                        x[len(kept)] = picture
                        kept.append(index)
                progress.advance(len(part))
        return x[: len(kept)], targets[kept]

    def warn(self) -> None:
        """Name the files that could not be read since the last call, in one warning."""
        faults, self._faults = self._faults, {}
        if faults:
            named = [
                f"{file.relative_to(self._folder)} ({faults[file]})" for file in sorted(faults)
            ]
            warnings.warn(
                f"{self._folder}: left out {len(faults)} files that are no readable pictures: "
                + ", ".join(named),
                stacklevel=3,
            )


def _class_names(folder: Path, wanted: Sequence[str] | None) -> list[str]:
    """Return the names of the classes after checking that their folders exist."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder. Check the spelling.")
    found = sorted(
        entry.name
        for entry in os.scandir(folder)
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
    )
    if wanted is not None and not isinstance(wanted, (list, tuple)):
        raise TypeError(f"image_folder: class_names must be a list of names, got {wanted!r}")
    names = found if wanted is None else list(wanted)
    missing = [name for name in names if name not in found]
    if missing or len(set(names)) < len(names):
        raise ValueError(
            f"{folder}: class_names must be different folders of it, got {_list(names)}; it has "
            f"{_list(found)}"
        )
    if len(names) < 2:
        raise ValueError(
            f"{folder}: a data set needs at least two classes, each a folder of pictures; found "
            f"{_list(names)}"
        )
    return names


def _files(folder: Path, names: Sequence[str]) -> tuple[list[Path], NDArray[np.int64]]:
    """Return all files of the classes in the order of their names, and their labels."""
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        found: list[Path] = []
        for root, folders, entries in os.walk(folder / name):
            folders[:] = [entry for entry in folders if not entry.startswith(".")]
            found += [Path(root, entry) for entry in entries if not entry.startswith(".")]
        files += sorted(found)
        labels += [label] * len(found)
    if not files:
        raise ValueError(f"{folder}: the folders {_list(names)} hold no files")
    return files, np.array(labels, np.int64)


def _targets(labels: NDArray[np.int64], label_mode: str, classes: int) -> Labels:
    if label_mode == "categorical":
        return np.eye(classes, dtype=np.float32)[labels]
    return labels[:, None].astype(np.float32) if label_mode == "binary" else labels


def _one_of(value: Any, valid: Any, name: str) -> None:
    if not isinstance(value, str) or value not in valid:
        raise ValueError(f"image_folder: {name} must be {_list(valid)}, got {value!r}")


def _list(names: Any) -> str:
    return ", ".join(map(repr, names)) or "none"
