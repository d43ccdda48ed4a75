from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

import cnnx
from cnnx.data import image_folder
from cnnx.data.memory_budget import MemoryBudget
from pictures import flat, save

pytestmark = pytest.mark.one_isa

GROWTH = """
import sys
from pathlib import Path
from PIL import Image
import cnnx
from cnnx.data import image_folder

Image.init()
cnnx.config.set_num_threads(2)

def status(field):
    return int(Path("/proc/self/status").read_text().split(field + ":")[1].split()[0]) * 1024

folder, small, size, limit, batch = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
image_folder(small, 8)
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
train = image_folder(folder, size, max_memory=limit, batch_size=batch or None).train
count = len(train[0]) if not batch else sum(len(x) for x, _ in train)
print(count, (status("VmHWM") - before) / limit)
"""
SIDE = 2000
MIB = 1 << 20


@pytest.fixture
def small(tmp_path: Path) -> Path:
    for name in "ab":
        save(tmp_path / "small" / name / "1.png", flat(0))
    return tmp_path / "small"


def waves() -> np.ndarray:
    one = np.add.outer(np.arange(SIDE) // 16, np.arange(SIDE) // 16).astype(np.uint8)
    return np.stack([one, one, one, one.T], axis=2)


CASES = {
    "WebP": ("webp", 3, {"method": 0}, 20),
    "transparent WebP": ("webp", 4, {"method": 0}, 25),
    "transparent PNG": ("png", 4, {"compress_level": 1}, 17),
    "progressive JPEG": ("jpg", 3, {"progressive": True}, 7),
    "PNG": ("png", 3, {"compress_level": 1}, 12),
}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux' /proc")
@pytest.mark.parametrize("batch", [0, 1])
@pytest.mark.parametrize("case", CASES)
def test_decoding_keeps_within_the_memory(
    tmp_path: Path, small: Path, case: str, batch: int
) -> None:
    """Two threads read four pictures within what one of them may take."""
    suffix, channels, options, each = CASES[case]
    picture = save(tmp_path / f"one.{suffix}", waves()[..., :channels], **options)
    for name in "ab":
        (tmp_path / "x" / name).mkdir(parents=True)
        for index in range(2):
            shutil.copy(picture, tmp_path / "x" / name / f"{index}.{suffix}")
    limit = each * SIDE * SIDE + 2 * MIB
    count, share = grown(tmp_path / "x", small, 64, limit, batch)
    assert count == 4
    assert share < 1.1


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux' /proc")
def test_enlarged_pictures_keep_within_the_memory(small: Path) -> None:
    size = 3000
    count, share = grown(small, small, size, 2 * size * size * 3 + 13 * MIB, 0)
    assert count == 2
    assert share < 1.1


def grown(folder: Path, small: Path, size: int, limit: int, batch: int) -> tuple[int, float]:
    command = [sys.executable, "-c", GROWTH, folder, small, *map(str, (size, limit, batch))]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert not result.returncode, result.stderr
    count, share = result.stdout.split()
    return int(count), float(share)


def test_what_is_read_depends_neither_on_threads_nor_on_other_pictures(tmp_path: Path) -> None:
    large = np.zeros((1300, 1000), np.uint8)
    save(tmp_path / "a" / "large.png", large)
    save(tmp_path / "a" / "0.png", flat(0))
    save(tmp_path / "b" / "0.png", flat(0))
    limit = 12 * large.size + 2 * MIB
    before = cnnx.config.num_threads()
    try:
        for threads in (1, 2, 8):
            cnnx.config.set_num_threads(threads)
            assert len(image_folder(tmp_path, 8, max_memory=limit).train[0]) == 3
            assert image_folder(tmp_path, 8, max_memory=limit, batch_size=1).train.samples == 3
    finally:
        cnnx.config.set_num_threads(before)
    # Beside many others it does not fit: that is said, and it is not left out.
    for index in range(300):
        save(tmp_path / "b" / f"{index}.png", flat(0))
    with pytest.raises(ValueError, match=r"large.png: 1000 x 1300 .* but beside the pictures max_"):
        image_folder(tmp_path, 48, max_memory=limit)
    assert sum(len(x) for x, _ in image_folder(tmp_path, 48, max_memory=limit, batch_size=8).train)
    with pytest.warns(UserWarning, match=r"large.png \(too large: 1000 x 1300 pixels, which take"):
        assert len(image_folder(tmp_path, 8, max_memory=limit - 2 * MIB - 5000).train[0]) == 301


def tiff_of_one_tile(side: int, tile: int) -> bytes:
    """A small picture in a tile that may be larger."""
    data = zlib.compress(bytes(tile * tile))
    where = 8 + 2 + 12 * 10 + 4
    tags = {256: side, 257: side, 258: 8, 259: 8, 262: 1, 277: 1, 322: tile, 323: tile}
    tags |= {324: where, 325: len(data)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + data


def test_the_tiles_of_a_tiff_count(small: Path) -> None:
    """libtiff decodes a tile as a whole, be it larger than the picture."""
    (small / "a" / "2.tif").write_bytes(tiff_of_one_tile(16, 64))
    assert len(image_folder(small, 8, max_memory=20 * MIB).train[0]) == 3
    (small / "a" / "2.tif").write_bytes(tiff_of_one_tile(16, 4096))
    with pytest.warns(UserWarning, match=r"2\.tif \(too large: 16 x 16 pixels, which take 134,"):
        assert len(image_folder(small, 8, max_memory=20 * MIB).train[0]) == 2


def test_sizes_that_overflow_are_refused(small: Path) -> None:
    with pytest.raises(ValueError, match="max_memory=2,147,483,648"):
        image_folder(small, (2**31 - 1, 2**31 - 1))
    with pytest.raises(ValueError, match="take 384 bytes, and decoding 12,582,912, more than"):
        image_folder(small, 8, max_memory=1000)
    with pytest.raises(ValueError, match="take 1,536 bytes"):
        image_folder(small, 8, dtype="float32", max_memory=1000)


def test_threads_wait_for_memory() -> None:
    budget = MemoryBudget(most=10, spare=10, threads=8)
    taken = most = 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal taken, most
        with budget.taken(6, "a picture"):
            with lock:
                taken += 6
                most = max(most, taken)
            time.sleep(0.001)
            with lock:
                taken -= 6

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (taken, most) == (0, 6)
