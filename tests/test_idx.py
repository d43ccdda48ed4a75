import gzip
import os
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cnnx.data import read_idx, write_idx

pytestmark = pytest.mark.one_isa

DTYPES = ["u1", "i1", "i2", "i4", "f4", "f8"]


def header(code, *shape):
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


@settings(deadline=None, max_examples=100)
@given(
    array=st.sampled_from(DTYPES).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=5, min_side=0))
    ),
    suffix=st.sampled_from(["", ".gz", ".idx"]),
)
def test_round_trip(tmp_path_factory, array, suffix):
    path = tmp_path_factory.mktemp("idx") / f"array{suffix}"
    write_idx(path, array)
    result = read_idx(path)
    assert result.dtype == array.dtype
    assert result.dtype.isnative
    assert result.shape == array.shape
    assert result.tobytes() == array.tobytes()


def test_the_bytes_of_a_file(tmp_path):
    write_idx(tmp_path / "a", np.array([[1, -2, 3]], np.int16))
    content = (tmp_path / "a").read_bytes()
    assert content == b"\0\0\x0b\x02" + b"\0\0\0\x01\0\0\0\x03" + b"\0\x01\xff\xfe\0\x03"


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24, dtype=">i4").reshape(4, 6),
        np.arange(24, dtype="<f8").reshape(4, 6)[::-1, ::2],
        np.asfortranarray(np.arange(24, dtype="i2").reshape(4, 6)),
        np.broadcast_to(np.uint8(7), (3, 2)),
    ],
)
def test_any_layout_and_byte_order(tmp_path, array):
    write_idx(tmp_path / "a", array)
    np.testing.assert_array_equal(read_idx(tmp_path / "a"), array)


def test_compression_is_told_by_content(tmp_path):
    write_idx(tmp_path / "a.gz", np.arange(5, dtype="u1"))
    (tmp_path / "a.gz").rename(tmp_path / "a")
    assert read_idx(tmp_path / "a").tolist() == [0, 1, 2, 3, 4]


def test_the_same_array_gives_the_same_gzip_bytes(tmp_path):
    for name in ("a.gz", "b.gz"):
        write_idx(tmp_path / name, np.arange(99, dtype="i4"))
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


GOOD = header(0x08, 2, 3) + b"abcdef"
PACKED = gzip.compress(GOOD)
DAMAGED = {
    "empty": (b"", "0 bytes long"),
    "one byte": (b"\0", "1 bytes long"),
    "text": (b"label,pixel0,pixel1", "starts with b'labe'"),
    "web page": (b"<!DOCTYPE html><html>", "web page"),
    "compressed web page": (gzip.compress(b"<html>404</html>"), "web page"),
    "png": (b"\x89PNG\r\n\x1a\n", "not an IDX file"),
    "npy": (b"\x93NUMPY\x01\0", "not an IDX file"),
    "npz": (b"PK\x03\x04" + bytes(26), "not an IDX file"),
    "compressed twice": (gzip.compress(PACKED), "not an IDX file"),
    "unknown type": (header(0x0A, 2) + b"ab", "unknown IDX type code 0x0A"),
    "no axis": (header(0x08) + b"a", "announces 0 axes"),
    "200 axes": (header(0x08, *[1] * 200) + b"a", "announces 200 axes"),
    "cut in the header": (GOOD[:9], "truncated in the header"),
    "cut in the data": (GOOD[:-1], r"shape \(2, 3\), 6 bytes, but 5 follow"),
    "trailing byte": (GOOD + b"g", "more data follows the 6 bytes"),
    "compressed trailing byte": (gzip.compress(GOOD + b"g"), "more data follows"),
    "gzip cut in its header": (PACKED[:6], "cut short"),
    "gzip cut in the data": (PACKED[:-12], "cut short"),
    "gzip cut in its checksum": (PACKED[:-2], "cut short"),
    "gzip with a wrong checksum": (PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], "CRC"),
    "gzip with damaged data": (PACKED[:10] + b"\xff" * 8 + PACKED[18:], "gzip data is damaged"),
    "gzip and rubbish": (PACKED + b"rubbish", "gzip data is damaged"),
    "sizes beyond memory": (header(0x0E, 2**32 - 1, 2**32 - 1) + b"a", "more than max_bytes"),
    "product wraps to 0": (header(0x08, 2**31, 2**31, 4) + b"a", "more than max_bytes"),
    "empty with vast axes": (header(0x08, 0, 2**32 - 1, 2**32 - 1), "more than max_bytes"),
}


@pytest.mark.parametrize(("content", "message"), DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_files_are_named(tmp_path, content, message):
    path = tmp_path / "damaged-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as failure:
        read_idx(path)
    assert str(path) in str(failure.value)


def test_a_gzip_bomb_is_not_inflated_beyond_its_header(tmp_path, monkeypatch):
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb") as file:
        file.write(header(0x08, 10))
        for _ in range(64):
            file.write(bytes(1 << 20))
    inflated = 0
    original = gzip.GzipFile.read

    def read(self, size=-1):
        nonlocal inflated
        piece = original(self, size)
        inflated += len(piece)
        return piece

    monkeypatch.setattr(gzip.GzipFile, "read", read)
    with pytest.raises(ValueError, match="more data follows"):
        read_idx(path)
    assert inflated == 8 + 10 + 1


def test_max_bytes(tmp_path):
    write_idx(tmp_path / "a", np.zeros((10, 10), "f4"))
    with pytest.raises(ValueError, match=r"shape \(10, 10\), 400 bytes, more than max_bytes=399"):
        read_idx(tmp_path / "a", max_bytes=399)
    assert read_idx(tmp_path / "a", max_bytes=400).shape == (10, 10)


def test_only_ordinary_files_are_read(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_idx(tmp_path / "absent")
    with pytest.raises(ValueError, match="is a folder"):
        read_idx(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="is a pipe"):
        read_idx(tmp_path / "pipe")
    with pytest.raises(OSError, match="is a pipe"):
        write_idx(tmp_path / "pipe", np.zeros(1, "u1"))


@pytest.mark.parametrize("dtype", ["i8", "u2", "f2", "?", "c8", "O", "U3"])
def test_types_that_idx_lacks(tmp_path, dtype):
    with pytest.raises(TypeError, match="IDX cannot hold"):
        write_idx(tmp_path / "a", np.zeros(3, dtype))
    assert list(tmp_path.iterdir()) == []


def test_an_array_without_axes(tmp_path):
    with pytest.raises(ValueError, match="1 to 32 axes"):
        write_idx(tmp_path / "a", np.uint8(3))


def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.gz"
    write_idx(path, np.arange(3, dtype="u1"))

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_idx(path, np.arange(9, dtype="u1"))
    assert read_idx(path).tolist() == [0, 1, 2]
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_written_through(tmp_path):
    write_idx(tmp_path / "target", np.zeros(1, "u1"))
    (tmp_path / "link").symlink_to("target")
    write_idx(tmp_path / "link", np.ones(2, "u1"))
    assert (tmp_path / "link").is_symlink()
    assert read_idx(tmp_path / "target").tolist() == [1, 1]


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match="Create it"):
        write_idx(tmp_path / "absent" / "a", np.zeros(1, "u1"))
