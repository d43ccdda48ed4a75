"""Files fetched from the first mirror that delivers what their checksum promises."""

import gzip
import hashlib
import http.client
import os
import urllib.request
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from cnnx.files import replacing

__all__ = ["RemoteFile", "cache_folder", "fetch"]

TIMEOUT = 15.0  # seconds without a byte
CHUNK = 1 << 16


@dataclass(frozen=True)
class RemoteFile:
    """A gzip file to fetch.

    Attributes
    ----------
    name : str
        Of the file.
    num_bytes, sha256
        Of the content, which mirrors may have compressed differently.
    packed : bool
        Whether they are those of the file itself instead.
    """

    name: str
    num_bytes: int
    sha256: str
    packed: bool = False


def cache_folder() -> Path:
    """Return the folder of the data sets: ``CNNX_DATA``, else cnnx in the user's cache."""
    if folder := os.environ.get("CNNX_DATA"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cnnx"


def fetch(file: RemoteFile, mirrors: Sequence[str], folder: Path) -> Path:
    """Download `file` into `folder` from the first of `mirrors` that delivers it intact.

    The file appears under its name only when its content has been checked.

    Returns
    -------
    Path
        The file in `folder`.

    Raises
    ------
    OSError
        No mirror delivered; the message gives the reason for each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file.name
    failures = []
    for mirror in mirrors:
        try:
            with replacing(path) as stream:
                _download(mirror + file.name, file, stream)
            return path
        except (OSError, EOFError, ValueError, http.client.HTTPException, zlib.error) as error:
            failures.append(f"  {mirror}{file.name}: {error or type(error).__name__}")
    raise OSError(
        "\n".join([f"{file.name}: no mirror delivered it.", *failures])
        + "\nWithout a network, fetch the files elsewhere and name their folder: "
        "load_data(path), --data DIR."
    )


def _download(url: str, file: RemoteFile, stream: BinaryIO) -> None:
    limit = file.num_bytes + 1024  # what gzip may add to data that it cannot compress
    request = urllib.request.Request(url, headers={"User-Agent": "cnnx"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        length = response.length  # None where the server does not say
        with tqdm(desc=file.name, total=length, unit="B", unit_scale=True, disable=None) as bar:
            received = 0
            while piece := response.read(CHUNK):
                received += len(piece)
                if received > limit:
                    raise ValueError(f"more than {limit:,} bytes")
                stream.write(piece)
                bar.update(len(piece))
    if length is not None and received < length:
        raise ValueError(f"the connection closed after {received:,} of {length:,} bytes")
    stream.flush()
    with open(stream.name, "rb") if file.packed else gzip.open(stream.name) as content:
        digest = hashlib.sha256()
        left = file.num_bytes + 1
        while piece := content.read(min(CHUNK, left)):
            digest.update(piece)
            left -= len(piece)
    if left != 1 or digest.hexdigest() != file.sha256:
        what = "file" if file.packed else "content"
        raise ValueError(f"the {what} has SHA-256 {digest.hexdigest()}, expected {file.sha256}")
