"""Folders of pictures, one sub-folder a class or without classes, as a data set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from cnnx import geometry, random
from cnnx.data.class_folders import ClassFolders, listed
from cnnx.data.class_labels import LABEL_MODES, ClassLabels
from cnnx.data.decoder import Decoder
from cnnx.data.findings import Findings
from cnnx.data.image_stream import ImageStream
from cnnx.data.path_patterns import Patterns
from cnnx.data.picture_form import PictureForm
from cnnx.data.stratified_split import held_back
from cnnx.progress import check_verbose, quiet_progress
from cnnx.registry import choice

__all__ = ["ImageFolder", "image_folder"]


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
    left_out : dict
        The files that could not be read as pictures, each with the reason. A stream knows its own
        after its first pass.
    """

    _read: tuple[Sequence[Path], Sequence[Path]] = ((), ())
    _left_out: Mapping[Path, str] = MappingProxyType({})

    def __new__(
        cls,
        train: Any,
        validation: Any,
        class_names: list[str],
        train_file_paths: Sequence[Path] = (),
        validation_file_paths: Sequence[Path] = (),
        left_out: Mapping[Path, str] | None = None,
    ) -> Self:
        """Make the tuple; the paths are those of arrays, as a stream knows its own."""
        self = super().__new__(cls, train, validation, class_names)
        self._read = train_file_paths, validation_file_paths
        self._left_out = dict(left_out or {})
        return self

    @property
    def train_file_paths(self) -> list[Path]:
        """The file of each picture of `train`."""
        return _file_paths(self.train, self._read[0])

    @property
    def validation_file_paths(self) -> list[Path]:
        """The file of each picture of `validation`."""
        return _file_paths(self.validation, self._read[1])

    @property
    def left_out(self) -> dict[Path, str]:
        """The files that could not be read as pictures, each with the reason."""
        found = dict(self._left_out)
        for part in (self.train, self.validation):
            if isinstance(part, ImageStream):
                found |= part.left_out
        return found


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
    dtype: Any = "uint8",
    background: int | tuple[int, int, int] | None = None,
    follow_links: bool = False,
    verbose: Any = "auto",
) -> ImageFolder:
    """Read a folder of pictures whose sub-folders are the classes, or one without classes.

    Files are read in the order of their names, however deep they lie in a class's folder; names
    that begin with a dot are passed over. A class's folder may be a link to one. Files that cannot
    be read as pictures are left out; a warning names the first, and `left_out` of the result names
    all. Which files are read, and their pixels, depend neither on the number of threads nor on the
    other files. Of a file with several pages or frames the first is read.

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
        Folders to use, in the order of the labels; by default all that hold pictures, sorted.
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
        Whether to shuffle the pictures before the split, and a stream's training part before each
        epoch. Give False to pair a stream's predictions with its `file_paths`.
    seed : int, optional
        Makes that order repeatable; by default the global generator draws it.
    validation_split : float
        Share in [0, 1) of the pictures to hold back: the same share of each class, the last ones.
    max_memory : int
        Bytes that arrays (or the batches on their way) and decoding may take together. A picture
        that needs more by itself is left out.
    dtype : str
        'uint8': pixels from 0 to 255; 65,535 of 16 bits, or 1 of floats, becomes 255. 'float32':
        the file's own values, grey ones of 16 bits and floats as they are.
    background : int or tuple, optional
        The ground that is put behind transparent pictures: one number from 0 to 255, or red, green
        and blue. By default the transparency is dropped, as in Keras.
    follow_links : bool
        Whether to read folders within a class's folder that are links; each is read once.
    verbose : int or 'auto'
        0 shows nothing, otherwise a bar appears on a terminal while arrays are read.

    Returns
    -------
    ImageFolder
        (train, validation, class_names), and which file each picture comes from. Pixels have the
        shape (n, height, width, channels): divide those from 0 to 255 by 255, or begin the network
        with ``Rescaling(1 / 255)``. Without labels `class_names` is empty.

    Raises
    ------
    OSError
        There is no such folder, or it may not be listed.
    ValueError
        It holds fewer than two classes or no pictures, or more than `max_memory`; a pattern fits
        no file; `validation_split` leaves a part without pictures; or `class_names` are given for
        pictures without labels.
    ImportError
        Pillow is not installed.

    Warns
    -----
    UserWarning
        Names folders that are passed over or hold no picture, files that were left out, pictures
        that lose what they show (see `load_image`), and those that Pillow warns of; for a stream,
        after its first pass.
    """
    form = PictureForm.checked(
        "image_folder", "image_size", image_size, color_mode, dtype, background
    )
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
    folders = ClassFolders(folder, class_names, label_mode is not None, follow_links)
    classes = ClassLabels(folders.names, label_mode)
    if label_mode == "binary" and len(classes.names) != 2:
        raise ValueError(
            f"{folder}: label_mode='binary' needs two classes, found {listed(classes.names)}"
        )
    files, labels = folders.find(include, exclude)
    if shuffle:
        order = random.generator(seed).permutation(len(files))
        files, labels = [files[i] for i in order], labels[order]
    held = _held_back(labels, share, folder, classes)
    parts = [
        ([files[index] for index in np.flatnonzero(part)], labels[part])
        for part in ((~held, held) if share else (~held,))
    ]
    decoder = Decoder(folder, form, limit, len(files) if batch is None else 3 * batch, bool(batch))
    if batch is not None:
        streams = [
            ImageStream(decoder, *part, classes, batch, shuffle and not index, seed)
            for index, part in enumerate(parts)
        ]
        return ImageFolder(streams[0], streams[1] if share else None, classes.names)
    with quiet_progress("read pictures", len(files), bar) as progress:
        read = [decoder.read(part_files, progress) for part_files, _ in parts]
    findings = Findings(folder)
    for part in read:
        findings.add(part.findings)
    kept = [part_labels[part.kept] for part, (_, part_labels) in zip(read, parts, strict=True)]
    findings.warn(classes.lost(labels, np.concatenate(kept)))
    for part, (part_files, _) in zip(read, parts, strict=True):
        if not part.kept:
            raise ValueError(
                f"{folder}: none of the {len(part_files)} files to "
                f"{'train on' if part is read[0] else 'hold back'} could be read as a picture"
            )
    arrays = [
        part.pictures if label_mode is None else (part.pictures, classes.targets(part_labels))
        for part, part_labels in zip(read, kept, strict=True)
    ]
    paths = [
        [part_files[index] for index in part.kept]
        for part, (part_files, _) in zip(read, parts, strict=True)
    ]
    return ImageFolder(
        arrays[0],
        arrays[1] if share else None,
        classes.names,
        paths[0],
        paths[1] if share else (),
        findings.left_out,
    )


def _held_back(
    labels: NDArray[np.int64], share: float, folder: Path, classes: ClassLabels
) -> NDArray[np.bool_]:
    """Tell which files are held back, after checking that both parts have some."""
    held = held_back(labels, share)
    if share and not held.any():
        alone = int(np.bincount(labels).max()) == 1
        raise ValueError(
            f"{folder}: validation_split={share} of {len(labels)} pictures holds back none"
            + (
                "; each class has but one"
                if alone
                else f"; give {1 / len(labels):.2g} or more, or 0"
            )
        )
    if held.all():
        raise ValueError(f"{folder}: validation_split={share} leaves no picture to train on")
    if untrained := classes.lost(labels, labels[~held]):
        raise ValueError(
            f"{folder}: validation_split={share} leaves no picture of the classes "
            f"{listed(untrained)} to train on"
        )
    return held
