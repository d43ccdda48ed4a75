"""The zip archives that Keras 3 writes: what they hold, within bounds."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from cnnx.file_kind import members
from cnnx.keras_files.sizes import MAX_CONFIG, Budget

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
_STORED, _DEFLATED, _ENCRYPTED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, 1


class Archive:
    """
    An open archive; names in it are compared, never used as paths.

    Parameters
    ----------
    path
        The file.
    content
        All its bytes.
    budget
        Of memory.
    """

    def __init__(self, path: Path, content: memoryview, budget: Budget) -> None:
        self._content = content
        self._budget = budget
        entries = members(path)
        self._entries = {entry.filename: entry for entry in entries}
        if len(self._entries) < len(entries):
            raise ValueError("it holds two files of one name")

    def config(self) -> bytes:
        """Return the text that describes the model."""
        if (size := self._entry(CONFIG).file_size) > MAX_CONFIG:
            raise ValueError(f"{CONFIG} in it has {size:,} bytes, more than {MAX_CONFIG:,}")
        return bytes(self._read(CONFIG))

    def weights(self) -> memoryview:
        """Return the HDF5 file that holds the weights."""
        if WEIGHTS not in self._entries and "model.weights.json" in self._entries:
            raise ValueError(
                "its weights are cut into several files; save it without max_shard_size"
            )
        return self._read(WEIGHTS)

    def _entry(self, name: str) -> zipfile.ZipInfo:
        if name not in self._entries:
            raise ValueError(f"it holds no {name}")
        return self._entries[name]

    def _read(self, name: str) -> memoryview:
        entry = self._entry(name)
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in (_STORED, _DEFLATED):
            raise ValueError(f"{name} in it is encrypted, or packed with something but deflate")
        header = self._content[entry.header_offset : entry.header_offset + 30]
        if bytes(header[:4]) != b"PK\x03\x04" or len(header) < 30:
            raise ValueError(f"{name} in it does not lie where its table says")
        lengths = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
        begin = entry.header_offset + 30 + sum(lengths)
        data = self._content[begin : begin + entry.compress_size]
        found: bytes | memoryview = data
        if entry.compress_type == _DEFLATED:
            self._budget.spend(entry.file_size)
            try:
                found = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, entry.file_size + 1)
            except zlib.error as error:
                raise ValueError(f"{name} in it cannot be unpacked: {error}") from error
        if len(found) != entry.file_size:
            raise ValueError(f"{name} in it has not the {entry.file_size:,} bytes that it should")
        if zlib.crc32(found) != entry.CRC:
            raise ValueError(f"{name} in it is damaged: its checksum is another")
        return memoryview(found)
