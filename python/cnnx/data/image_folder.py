"""Folders of pictures, one sub-folder a class or without classes, as a data set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from cnnx import geometry, random
from cnnx.arrays import one_hot
from cnnx.data.class_folders import find_classes, find_files, listed
from cnnx.data.decoder import Decoder
from cnnx.data.image_stream import ImageStream, Labels
from cnnx.data.path_patterns import Patterns
from cnnx.data.pictures import CHANNELS, Pixels
from cnnx.progress import Progress, check_verbose, quiet_progress
from cnnx.registry import choice

__all__ = ["ImageFolder", "image_folder"]

LABEL_MODES = ("binary", "categorical", "int")


class _Parts(NamedTuple):
    train: Any
    validation: Any
    class_names: list[str]


class ImageFolder(_Parts):
    """What `image_folder` returns: a tuple (train, validation, class_names).

    Attributes
    ----------
    train
        Arrays (x, y), or an `ImageStream`. With ``label_mode=None`` the array x alone, or a stream
        of pictures alone.
    validation
        The same for the pictures held back; None if there are none.
    class_names
        The names that the labels 0, 1, ... stand for.
    train_file_paths : list of Path
        The file of each picture of `train`. The order is that of the arrays, or that of a stream's
        pass without shuffling. Files that could not be read are not listed.
    validation_file_paths : list of Path
        The same for `validation`.
    """

    _read: tuple[Sequence[Path], Sequence[Path]] = ((), ())

    def __new__(
        cls,
        train: Any,
        validation: Any,
        class_names: list[str],
        train_file_paths: Sequence[Path] = (),
        validation_file_paths: Sequence[Path] = (),
    ) -> Self:
        """Make the tuple; the paths are those of arrays, as a stream knows its own."""
        self = super().__new__(cls, train, validation, class_names)
        self._read = train_file_paths, validation_file_paths
        return self

    @property
    def train_file_paths(self) -> list[Path]:
        """The file of each picture of `train`."""
        return _file_paths(self.train, self._read[0])

    @property
    def validation_file_paths(self) -> list[Path]:
        """The file of each picture of `validation`."""
        return _file_paths(self.validation, self._read[1])


def _file_paths(part: Any, read: Sequence[Path]) -> list[Path]:
    return part.file_paths if isinstance(part, ImageStream) else list(read)


def image_folder(
    path: str | os.PathLike[str],
    image_size: int | tuple[int, int] = (256, 256),
    color_mode: str = "rgb",
    *,
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    include: Patterns | None = None,
    exclude: Patterns | None = None,
    batch_size: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float = 0.0,
    max_memory: int = 2 << 30,
    verbose: Any = "auto",
) -> ImageFolder:
    """Read a folder of pictures whose sub-folders are the classes, or one without classes.

    Files are read in the order of their names, however deep they lie in a class's folder; links to
    folders are not followed, and names that begin with a dot are passed over. Files that cannot be
    read as pictures are left out, and one warning names them all. Pictures are decoded by
    several threads, as `cnnx.config.num_threads` says.

    Parameters
    ----------
    path : path-like
        Holds a folder for each class: ``pets/cat/1.jpg``, ``pets/dog/2.png``. With
        ``label_mode=None`` it holds pictures, at any depth.
    image_size : int or tuple
        Height and width that all pictures are stretched to.
    color_mode : str
        'rgb', or 'grayscale' for one channel.
    label_mode : str, optional
        'int' (labels (n,)), 'categorical' (one-hot rows) or 'binary' (0 and 1, shape (n, 1), for
        one sigmoid output). None reads pictures without labels, as in Keras: the folders below
        `path` mean nothing then.
    class_names : sequence of str, optional
        Folders to use, in the order of the labels; by default all of them, sorted.
    include : str or sequence of str, optional
        Glob patterns of the files to read, for instance ``["hsf_[0-4]", "hsf_6"]``; by default all
        files are read. A pattern is compared with the path within the class's folder (within
        `path` without classes) name by name: ``*`` and ``?`` stand for characters of one name,
        ``[0-4]`` and ``[!0-4]`` for one character in or out of a set, ``**`` for any number of
        folders. A pattern that fits a folder takes all files below it. The letter case counts.
    exclude : str or sequence of str, optional
        Patterns of files to leave out of those that `include` takes.
    batch_size : int, optional
        Gives streams of batches, which are decoded while the network learns from the one before;
        by default the pictures are read into arrays.
    shuffle : bool
        Whether to mix the pictures before the split, and a stream's training part anew each epoch.
        Give False to pair a stream's predictions with its `file_paths`.
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
        (train, validation, class_names), and which file each picture comes from. Pixels are uint8
        from 0 to 255, shape (n, height, width, channels): divide them by 255, or begin the network
        with ``Rescaling(1 / 255)``. Without labels `class_names` is empty.

    Raises
    ------
    FileNotFoundError
        There is no such folder.
    ValueError
        It holds fewer than two classes or no pictures, or more than `max_memory`; a pattern fits
        no file; or `class_names` are given for pictures without labels.
    ImportError
        Pillow is not installed.

    Warns
    -----
    UserWarning
        Names the files that were left out; for a stream, after its first pass.
    """
    size = geometry.pair(image_size, "image_folder: image_size")
    color_mode = choice(color_mode, "image_folder: color_mode", *CHANNELS)
    if label_mode is not None:
        label_mode = choice(label_mode, "image_folder: label_mode, if not None,", *LABEL_MODES)
    elif class_names is not None:
        raise ValueError(
            f"image_folder: class_names={class_names!r} has no meaning with label_mode=None. Give "
            "include= to choose folders, or another label_mode."
        )
    share = geometry.number(validation_split, "image_folder: validation_split", 0, 1)
    limit = geometry.integer(max_memory, "image_folder: max_memory", limit=1 << 62)
    batch = None if batch_size is None else geometry.integer(batch_size, "image_folder: batch_size")
    bar = check_verbose(verbose, "image_folder")
    if seed is not None:
        random.check_seed(seed, "image_folder: seed")
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder. Check the spelling.")
    names = [] if label_mode is None else find_classes(folder, class_names)
    if label_mode == "binary" and len(names) != 2:
        raise ValueError(f"{folder}: label_mode='binary' needs two classes, found {listed(names)}")
    files, labels = find_files(folder, names, include, exclude)
    if shuffle:
        order = random.generator(seed).permutation(len(files))
        files, labels = [files[i] for i in order], labels[order]
    count = len(files) - round(len(files) * share)
    if not count:
        raise ValueError(f"{folder}: validation_split={share} leaves no picture to train on")
    decoder = Decoder(folder, size, color_mode, limit, len(files) if batch is None else 3 * batch)
    targets = _targets(labels, label_mode, len(names))
    train, held_back = (
        (files[part], None if targets is None else targets[part])
        for part in (slice(count), slice(count, None))
    )
    if batch is not None:
        return ImageFolder(
            ImageStream(decoder, *train, batch, shuffle, seed),
            ImageStream(decoder, *held_back, batch, False, seed) if held_back[0] else None,
            names,
        )
    with quiet_progress("read pictures", len(files), bar) as progress:
        arrays, train_paths = _read(decoder, *train, progress)
        validation, validation_paths = (
            _read(decoder, *held_back, progress) if held_back[0] else (None, [])
        )
    decoder.warn()
    if not train_paths:
        raise ValueError(f"{folder}: none of the {len(files)} files could be read as a picture")
    return ImageFolder(arrays, validation, names, train_paths, validation_paths)


def _read(
    decoder: Decoder, files: list[Path], targets: Labels | None, progress: Progress
) -> tuple[Pixels | tuple[Pixels, Labels], list[Path]]:
    """Return the pictures that can be read, with their labels if there are any, and their files."""
    x, kept = decoder.read(files, progress)
    return x if targets is None else (x, targets[kept]), [files[index] for index in kept]


def _targets(labels: NDArray[np.int64], label_mode: str | None, classes: int) -> Labels | None:
    if label_mode is None:
        return None
    if label_mode == "categorical":
        return one_hot(labels, classes)
    return labels[:, None].astype(np.float32) if label_mode == "binary" else labels
