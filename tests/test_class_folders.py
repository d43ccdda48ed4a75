from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnx.data import image_folder
from pictures import brightness, flat, save

pytestmark = pytest.mark.one_isa

SIZE = (8, 6)


def read(folder: Path, **options: Any) -> Any:
    return image_folder(folder, **{"image_size": SIZE, "shuffle": False, **options})


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    for label, name in enumerate(("cat", "dog")):
        for index in range(2):
            save(tmp_path / "pets" / name / f"{index}.png", flat(100 * label + index))
    return tmp_path / "pets"


# --- links ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [None, 3])
def test_a_class_may_be_a_link(pets: Path, batch_size: int | None) -> None:
    save(pets.parent / "elsewhere" / "1.png", flat(200))
    (pets / "mouse").symlink_to(pets.parent / "elsewhere")
    parts = read(pets, batch_size=batch_size)
    assert parts.class_names == ["cat", "dog", "mouse"]
    assert parts.train_file_paths[-1] == pets / "mouse" / "1.png"
    x, y = parts.train if batch_size is None else list(parts.train)[-1]
    assert (brightness(x)[-1], y[-1]) == (200, 2)


@pytest.fixture
def linked(pets: Path) -> Path:
    """A class with a link to a folder elsewhere, and links that lead back up and to each other."""
    save(pets.parent / "elsewhere" / "1.png", flat(50))
    (pets.parent / "elsewhere" / "back").symlink_to(pets / "cat")
    (pets / "cat" / "more").symlink_to(pets.parent / "elsewhere")
    (pets / "cat" / "twice").symlink_to(pets.parent / "elsewhere")
    (pets / "cat" / "up").symlink_to(pets)
    return pets


def test_links_within_a_class_are_named_or_followed(linked: Path) -> None:
    with pytest.warns(UserWarning, match=r"passed over 2 folders: cat/more \(a link; follow") as w:
        (x, y), _, _ = read(linked)
    assert len(w) == 1
    assert brightness(x) == [0, 1, 100, 101]
    (x, y), _, names = read(linked, follow_links=True)
    assert names == ["cat", "dog"]
    assert brightness(x) == [0, 1, 50, 100, 101]
    assert y.tolist() == [0, 0, 0, 1, 1]


def test_links_of_pictures_without_classes(linked: Path) -> None:
    with pytest.warns(UserWarning, match="passed over 2 folders"):
        assert len(read(linked, label_mode=None).train) == 4
    assert len(read(linked, label_mode=None, follow_links=True).train) == 5


def test_a_class_that_leads_nowhere_is_named(pets: Path) -> None:
    (pets / "mouse").symlink_to(pets / "unmounted")
    (pets / "loop").symlink_to(pets / "loop")
    with pytest.warns(UserWarning, match=r"passed over 2 folders: loop \(.*, mouse \(a link to"):
        assert read(pets).class_names == ["cat", "dog"]


def test_one_folder_as_two_classes_is_named(pets: Path) -> None:
    (pets / "kitty").symlink_to(pets / "cat")
    with pytest.warns(UserWarning, match="'cat', 'kitty' are one folder under two names"):
        assert read(pets).class_names == ["cat", "dog", "kitty"]


# --- folders without pictures ---------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [None, 3])
def test_folders_without_pictures_are_no_classes(pets: Path, batch_size: int | None) -> None:
    (pets / "__MACOSX" / "cat").mkdir(parents=True)
    (pets / "__MACOSX" / "cat" / "._1.png").write_bytes(b"\0\5\x16\7")
    (pets / "empty" / "inner").mkdir(parents=True)
    (pets / "labels").mkdir()
    (pets / "labels" / "readme.txt").write_text("no picture")
    with pytest.warns(UserWarning, match="without pictures are left out.*'__MACOSX', 'empty', 'l"):
        parts = read(pets, batch_size=batch_size)
    assert parts.class_names == ["cat", "dog"]
    batches = [parts.train] if batch_size is None else list(parts.train)
    assert np.concatenate([y for _, y in batches]).tolist() == [0, 0, 1, 1]


def test_pictures_may_have_any_names(pets: Path) -> None:
    save(pets / "ant" / "1.png", flat(7)).rename(pets / "ant" / "scan")
    parts = read(pets)
    assert parts.class_names == ["ant", "cat", "dog"]
    assert brightness(parts.train[0])[0] == 7


def test_classes_that_are_named_stay(pets: Path) -> None:
    (pets / "bird").mkdir()
    with pytest.warns(UserWarning, match="folders without pictures are classes: 'bird'"):
        (_, y), _, names = read(pets, class_names=["bird", "cat", "dog"])
    assert names == ["bird", "cat", "dog"]
    assert y.tolist() == [1, 1, 2, 2]


def test_a_class_without_readable_pictures_is_named(pets: Path) -> None:
    for name in ("1.png", "2.png"):
        (pets / "eel").mkdir(exist_ok=True)
        (pets / "eel" / name).write_text("a page that says: log in")
    message = r"left out 2 files.*No picture is left of the classes 'eel'"
    with pytest.warns(UserWarning, match=message):
        assert read(pets).class_names == ["cat", "dog", "eel"]
    with pytest.warns(UserWarning, match=message):
        assert len(list(read(pets, batch_size=2).train)) == 2


def test_classes_emptied_by_patterns_keep_their_labels(pets: Path) -> None:
    (pets / "cat" / "1.png").unlink()
    with pytest.warns(UserWarning, match=r"include='1\.png'.* leave no files of the classes 'cat'"):
        (_, y), _, names = read(pets, include="1.png")
    assert (names, y.tolist()) == (["cat", "dog"], [1])


# --- folders that cannot be listed ----------------------------------------------------------------

AS_NOBODY = """
import os, sys, warnings
import cnnx.data
warnings.simplefilter("ignore")
cnnx.data.image_folder(sys.argv[1], 8)  # imports all that it needs
os.seteuid(65534)
with warnings.catch_warnings(record=True) as record:
    warnings.simplefilter("always")
    try:
        parts = cnnx.data.image_folder(sys.argv[2], 8, class_names=eval(sys.argv[3]))
    except OSError as error:
        print(type(error).__name__, error)
    else:
        print(parts.class_names, len(parts.train[0]), *(entry.message for entry in record))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_folders_that_may_not_be_listed_are_named(pets: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:  # below pytest's own only its user may read
        Path(folder).chmod(0o755)
        pets = shutil.copytree(pets, Path(folder, "pets"))
        secret = save(pets / "cat" / "secret" / "1.png", flat(5)).parent
        closed = save(pets / "eel" / "1.png", flat(5)).parent
        secret.chmod(0o700)
        closed.chmod(0o700)

        def run(path: Path, names: str) -> str:
            command = [sys.executable, "-c", AS_NOBODY, pets, path, names]
            result = subprocess.run(command, capture_output=True, text=True, timeout=60)
            assert not result.returncode, result.stderr
            return result.stdout

        found = run(pets, "None")
        assert found.startswith("['cat', 'dog'] 4 ")
        assert "passed over 2 folders: cat/secret (Permission denied), eel (Permission d" in found
        assert "without pictures are left out" in found
        refused = f"OSError {closed}: cannot be read (Permission denied)"
        assert run(pets, "['cat', 'dog', 'eel']").startswith(refused)
        assert run(closed, "None").startswith(refused)


def test_folders_too_deep_for_the_system_are_named(pets: Path) -> None:
    """Files at any depth are read, down to where the system takes the path for too long."""
    here = os.open(pets / "cat", os.O_RDONLY)
    try:
        for _ in range(2100):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
    finally:
        os.close(here)
    save(pets / "cat" / Path(*"d" * 1200) / "9.png", flat(9))
    try:
        with pytest.warns(UserWarning, match="passed over 1 folders: .*File name too long"):
            (x, _), _, _ = read(pets)
        assert brightness(x) == [0, 1, 9, 100, 101]
        with pytest.warns(UserWarning, match="passed over"):
            (x, _), _, _ = read(pets, include=["**/d/**/[0-9].png", "1.png"])
        assert brightness(x) == [1, 9, 101]
    finally:
        subprocess.run(["rm", "-r", pets / "cat"], check=True)
