import gzip
import hashlib
import http.server
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from cnnx.data import write_idx
from cnnx.datasets import digits, download, emnist, mnist
from cnnx.datasets.download import RemoteFile, fetch

pytestmark = pytest.mark.one_isa

TEST_DATA = os.environ.get("CNNX_TEST_DATA")
NAMES = [file.name for file in (mnist.TRAIN_IMAGES, mnist.TRAIN_LABELS)] + [
    file.name for file in (mnist.TEST_IMAGES, mnist.TEST_LABELS)
]


def test_digits():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert (x_train.shape, y_train.shape) == ((1438, 8, 8), (1438,))
    assert (x_test.shape, y_test.shape) == ((359, 8, 8), (359,))
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    assert (x_train.min(), x_train.max()) == (0, 16)
    assert np.bincount(y_train).tolist() == [151, 161, 143, 131, 147, 154, 150, 136, 127, 138]
    # The first image of the source, a zero, and the fifth, a four, which is the first to test.
    assert x_train[0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert y_train[:5].tolist() == [0, 1, 2, 3, 5]
    assert y_test[:5].tolist() == [4, 9, 4, 9, 4]


def test_digits_are_those_of_scikit_learn():
    source = pytest.importorskip("sklearn.datasets").load_digits()
    test = np.arange(1797) % 5 == 4
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    np.testing.assert_array_equal(x_train, source.images[~test])
    np.testing.assert_array_equal(x_test, source.images[test])
    np.testing.assert_array_equal(y_train, source.target[~test])
    np.testing.assert_array_equal(y_test, source.target[test])


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a small data set in MNIST's files."""
    for n, (images, labels) in zip((12, 4), (NAMES[:2], NAMES[2:]), strict=True):
        write_idx(tmp_path / images, np.full((n, 28, 28), n, np.uint8))
        write_idx(tmp_path / labels, np.arange(n, dtype=np.uint8))
    return tmp_path


def check_small(data):
    (x_train, y_train), (x_test, y_test) = data
    assert (x_train.shape, x_test.shape) == ((12, 28, 28), (4, 28, 28))
    assert (y_train.tolist(), y_test.tolist()) == (list(range(12)), list(range(4)))


def test_mnist_from_a_folder(folder):
    check_small(mnist.load_data(folder))
    for name in NAMES[:3]:
        packed = folder / name
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    check_small(mnist.load_data(str(folder)))


def unpacked(folder, name, form):
    """Put a file where unpackers put it."""
    plain = name.removesuffix(".gz")
    dotted = plain.replace("-idx", ".idx")
    content = gzip.decompress((folder / name).read_bytes())
    packed = (folder / name).rename(folder / "packed")
    if form == "a folder of the name beside the packed file":
        (folder / plain).mkdir()
        packed.rename(folder / name)
        return
    place = {
        "a point": dotted,
        "a packed point": f"{dotted}.gz",
        "within a folder of the name": f"{plain}/{plain}",
        "within a folder of the packed name": f"{name}/{plain}",
        "packed within a folder of the name": f"{plain}/{name}",
        "a point within a folder of the name": f"{plain}/{dotted}",
        "within a folder with a point": f"{dotted}/{dotted}",
    }[form]
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).write_bytes(packed.read_bytes() if place.endswith(".gz") else content)
    packed.unlink()


UNPACKED = [
    "a point",
    "a packed point",
    "within a folder of the name",
    "within a folder of the packed name",
    "packed within a folder of the name",
    "a point within a folder of the name",
    "within a folder with a point",
    "a folder of the name beside the packed file",
]


@pytest.mark.parametrize("form", UNPACKED)
def test_mnist_under_the_names_that_unpackers_give(folder, form):
    for name in NAMES:
        unpacked(folder, name, form)
    check_small(mnist.load_data(folder))


@pytest.mark.parametrize("form", UNPACKED)
def test_emnist_under_the_names_that_unpackers_give(tmp_path, form):
    train = write_emnist(tmp_path, "letters", "train", [1, 26])
    write_emnist(tmp_path, "letters", "test", [3])
    for path in list(tmp_path.iterdir()):
        unpacked(tmp_path, path.name, form)
    (x_train, _), _ = emnist.load_data(tmp_path)
    np.testing.assert_array_equal(x_train, train)


def test_a_folder_of_the_name_without_the_file(folder):
    (folder / NAMES[3]).unlink()
    (folder / NAMES[3].removesuffix(".gz")).mkdir()
    with pytest.raises(FileNotFoundError, match="neither t10k-labels-idx1-ubyte nor"):
        mnist.load_data(folder)


def test_mnist_from_the_environment(folder, monkeypatch, tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    folder.rename(root / "mnist")
    monkeypatch.setenv("CNNX_DATA", str(root))
    check_small(mnist.load_data())
    monkeypatch.delenv("CNNX_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(root))
    (root / "cnnx").mkdir()
    (root / "mnist").rename(root / "cnnx" / "mnist")
    check_small(mnist.load_data())


def test_mnist_without_a_file(folder):
    (folder / NAMES[3]).unlink()
    with pytest.raises(FileNotFoundError, match="neither t10k-labels-idx1-ubyte nor"):
        mnist.load_data(folder)


def test_mnist_with_files_exchanged(folder):
    write_idx(folder / NAMES[1], np.zeros(11, np.uint8))
    with pytest.raises(ValueError, match="one uint8 label for each of 12 images"):
        mnist.load_data(folder)
    write_idx(folder / NAMES[0], np.zeros((12, 784), np.uint8))
    with pytest.raises(ValueError, match=r"not uint8 images \(n, 28, 28\)"):
        mnist.load_data(folder)


def write_emnist(folder: Path, split: str, part: str, labels: list[int], suffix: str = ".gz"):
    """Write images as EMNIST stores them: transposed. Upright each is an L of its index."""
    images = np.zeros((len(labels), 28, 28), np.uint8)
    for index, image in enumerate(images):
        image[4:24, 6] = image[23, 6:20] = 100 + index
    files = {"images-idx3": images.transpose(0, 2, 1), "labels-idx1": np.array(labels, np.uint8)}
    for kind, array in files.items():
        write_idx(folder / f"emnist-{split}-{part}-{kind}-ubyte{suffix}", array)
    return images


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("split", "first", "last"),
    [
        ("letters", 1, 26),
        ("balanced", 0, 46),
        ("bymerge", 0, 46),
        ("byclass", 0, 61),
        ("digits", 0, 9),
        ("mnist", 0, 9),
    ],
)
def test_emnist(tmp_path, split, first, last, suffix):
    train = write_emnist(tmp_path, split, "train", [first, last, first + 4], suffix)
    test = write_emnist(tmp_path, split, "test", [last, first], suffix)
    (x_train, y_train), (x_test, y_test) = emnist.load_data(tmp_path, split)
    np.testing.assert_array_equal(x_train, train, strict=True)
    np.testing.assert_array_equal(x_test, test, strict=True)
    assert (y_train.tolist(), y_test.tolist()) == ([0, last - first, 4], [last - first, 0])
    assert y_train.dtype == np.uint8
    assert x_train.flags.c_contiguous
    assert len(emnist.class_names(split)) == last - first + 1


def test_emnist_gives_letters_by_default(tmp_path):
    write_emnist(tmp_path, "letters", "train", [9])
    write_emnist(tmp_path, "letters", "test", [17])
    (_, y_train), (_, y_test) = emnist.load_data(str(tmp_path))
    names = emnist.class_names("letters")
    assert (names[y_train[0]], names[y_test[0]]) == ("I", "Q")


def test_class_names_of_emnist():
    assert "".join(emnist.class_names("letters")) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert "".join(emnist.class_names("mnist")) == "".join(emnist.class_names("digits"))
    assert emnist.class_names("digits")[7] == "7"
    by_class = emnist.class_names("byclass")
    # Rows "label, code of the character" of emnist-byclass-mapping.txt and its siblings.
    assert [ord(by_class[label]) for label in (0, 9, 10, 35, 36, 61)] == [48, 57, 65, 90, 97, 122]
    merged = emnist.class_names("bymerge")
    assert merged == emnist.class_names("balanced")
    assert [ord(name) for name in merged[34:]] == [
        *(89, 90, 97, 98, 100, 101, 102, 103, 104, 110, 113, 114, 116)
    ]


def test_emnist_refuses(tmp_path):
    with pytest.raises(ValueError, match=r"emnist\.load_data: split must be 'balanced' or .*'all'"):
        emnist.load_data(tmp_path, "all")
    with pytest.raises(ValueError, match=r"emnist\.class_names: split must be .*'train'"):
        emnist.class_names("train")
    with pytest.raises(
        FileNotFoundError,
        match=r"neither emnist-letters-train-images-idx3-ubyte nor .*-ubyte\.gz.* load_data says",
    ):
        emnist.load_data(tmp_path)
    write_emnist(tmp_path, "letters", "train", [1, 2])
    with pytest.raises(FileNotFoundError, match="neither emnist-letters-test-images"):
        emnist.load_data(tmp_path)
    write_emnist(tmp_path, "letters", "test", [1, 0])
    with pytest.raises(
        ValueError,
        match=r"test-labels.*holds labels from 0 to 1, but those of 'letters' are 1 to 26",
    ):
        emnist.load_data(tmp_path)
    write_emnist(tmp_path, "letters", "test", [1, 27])
    with pytest.raises(ValueError, match="from 1 to 27"):
        emnist.load_data(tmp_path)
    write_idx(tmp_path / "emnist-letters-test-labels-idx1-ubyte.gz", np.ones(3, np.uint8))
    with pytest.raises(ValueError, match="one uint8 label for each of 2 images"):
        emnist.load_data(tmp_path)
    name = "emnist-letters-train-images-idx3-ubyte.gz"
    write_idx(tmp_path / name, np.zeros((2, 28, 27), np.uint8))
    with pytest.raises(ValueError, match=r"not uint8 images.*Give EMNIST's own file"):
        emnist.load_data(tmp_path)


@pytest.mark.mnist
@pytest.mark.skipif(TEST_DATA is None, reason="CNNX_TEST_DATA is not set")
@pytest.mark.parametrize("file", [mnist.TEST_IMAGES, mnist.TEST_LABELS], ids=lambda f: f.name)
def test_checksums_of_the_real_mnist(file):
    content = gzip.decompress((Path(TEST_DATA) / "mnist" / file.name).read_bytes())
    assert len(content) == file.num_bytes
    assert hashlib.sha256(content).hexdigest() == file.sha256


@pytest.mark.mnist
@pytest.mark.skipif(TEST_DATA is None, reason="CNNX_TEST_DATA is not set")
def test_the_real_mnist():
    (x_train, y_train), (x_test, y_test) = mnist.load_data(Path(TEST_DATA) / "mnist")
    assert (x_train.shape, x_test.shape) == ((60000, 28, 28), (10000, 28, 28))
    assert y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert y_test[:5].tolist() == [7, 2, 1, 0, 4]


CONTENT = bytes(range(256)) * 400
PACKED = gzip.compress(CONTENT)
FILE = RemoteFile("file.gz", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


REDIRECTIONS = {
    "redirects": "/whole/file.gz",
    "redirects to a file": "file:///etc/passwd",
    "redirects to itself": "/redirects%20to%20itself/file.gz",
}


class Mirror(http.server.BaseHTTPRequestHandler):
    """Serve the file in the manner that the first part of the path names."""

    def do_GET(self):
        manner = self.path.split("/")[1].replace("%20", " ")
        if manner == "absent":
            self.send_error(404)
            return
        if manner in REDIRECTIONS:
            self.send_response(302)
            self.send_header("Location", REDIRECTIONS[manner])
            self.end_headers()
            return
        body = {
            "page": b"<!DOCTYPE html><html>Sign in</html>",
            "other": gzip.compress(b"another file"),
            "bomb": gzip.compress(bytes(1 << 26)),
            "cut": PACKED[:-9],
            "vast": bytes(len(CONTENT) + 1025),
        }.get(manner, PACKED)
        self.send_response(200)
        if manner != "unsized":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if manner == "closes":
            body = body[: len(body) // 2]
        elif manner == "stalls":
            self.wfile.write(body[:10])
            time.sleep(2)
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # a client that gives up on a stalled answer


@pytest.fixture(scope="module")
def server():
    with QuietServer(("127.0.0.1", 0), Mirror) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("manner", ["whole", "unsized", "redirects"])
def test_fetch(server, tmp_path, manner):
    path = fetch(FILE, [f"{server}/{manner}/"], tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "file.gz"
    assert path.read_bytes() == PACKED
    assert list(path.parent.iterdir()) == [path]


def test_fetch_by_the_sum_of_the_file(server, tmp_path):
    digest = hashlib.sha256(PACKED).hexdigest()
    packed = RemoteFile("file.gz", len(PACKED), digest, packed=True)
    assert fetch(packed, [f"{server}/whole/"], tmp_path).read_bytes() == PACKED
    with pytest.raises(OSError, match="the file has SHA-256"):
        fetch(packed, [f"{server}/cut/"], tmp_path)


BROKEN = {
    "absent": "404",
    "page": "Not a gzipped file",
    "other": "SHA-256",
    "bomb": "SHA-256",
    "cut": "end-of-stream",
    "vast": "more than 103,424 bytes",
    "closes": "closed after",
    "stalls": "timed out",
    "redirects%20to%20a%20file": "not allowed",
    "redirects%20to%20itself": "infinite loop",
}


@pytest.mark.parametrize(("manner", "message"), BROKEN.items())
def test_broken_mirrors_leave_nothing_behind(server, tmp_path, monkeypatch, manner, message):
    if manner == "stalls":
        monkeypatch.setattr(download, "TIMEOUT", 0.5)
    with pytest.raises(OSError, match=message) as failure:
        fetch(FILE, [f"{server}/{manner}/"], tmp_path)
    assert f"{server}/{manner}/file.gz" in str(failure.value)
    assert "--data" in str(failure.value)
    assert list(tmp_path.iterdir()) == []


def test_the_first_whole_file_is_taken(server, tmp_path):
    mirrors = ["http://127.0.0.1:9/", *(f"{server}/{m}/" for m in ("absent", "page", "whole"))]
    assert fetch(FILE, mirrors, tmp_path).read_bytes() == PACKED


def test_every_failure_is_listed(server, tmp_path):
    with pytest.raises(OSError, match=r"(?s)refused.*404.*Without a network"):
        fetch(FILE, ["http://127.0.0.1:9/", f"{server}/absent/"], tmp_path)


def test_mnist_downloads_what_is_missing(folder, server, tmp_path_factory, monkeypatch):
    root = tmp_path_factory.mktemp("data")
    monkeypatch.setenv("CNNX_DATA", str(root))
    folder = folder.rename(root / "mnist")
    (folder / NAMES[3]).unlink()
    monkeypatch.setattr(mnist, "MIRRORS", (f"{server}/absent/",))
    with pytest.raises(OSError, match=NAMES[3]):
        mnist.load_data()
    labels = folder / "labels.gz"
    write_idx(labels, np.arange(4, dtype=np.uint8))
    content = gzip.decompress(labels.read_bytes())
    file = RemoteFile(NAMES[3], len(content), hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(mnist, "TEST_LABELS", file)
    monkeypatch.setattr("test_datasets.PACKED", labels.read_bytes())
    monkeypatch.setattr(mnist, "MIRRORS", (f"{server}/whole/",))
    check_small(mnist.load_data())
