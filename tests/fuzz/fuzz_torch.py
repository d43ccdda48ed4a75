"""
Fuzz the reader of PyTorch's files: python tests/fuzz/fuzz_torch.py -max_total_time=600.

An input's first byte says what the rest is: a file of torch.save, old or new; a pickle, which is
put into a good archive; or a .safetensors file.
"""

from __future__ import annotations

import importlib
import io
import sys
import warnings
import zipfile
from typing import Any

import atheris
import safetensors.torch
import torch
from fuzzing import FOLDER, fuzz

UNPICKLER = "torch._weights_only_unpickler"
with atheris.instrument_imports(include=["cnnx", UNPICKLER]):
    del sys.modules[UNPICKLER]
    torch.serialization._weights_only_unpickler = importlib.import_module(UNPICKLER)

    import cnnx
    import cnnx.torch
    from cnnx import layers

FILE, PICKLE, SAFETENSORS = b"\0", b"\1", b"\2"
FORBIDDEN = {
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.remove",
    "subprocess.Popen",
    "socket.connect",
}
MODEL = cnnx.Sequential(
    [
        cnnx.Input((6, 6, 3)),
        layers.Conv2D(4, 3),
        layers.BatchNormalization(),
        layers.Flatten(),
        layers.Dense(5),
    ]
)
STATE = cnnx.torch.state_dict(MODEL)
seen: list[str] = []


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in FORBIDDEN:
        seen.append(event)


def saved(state: Any, **options: Any) -> bytes:
    content = io.BytesIO()
    torch.save(state, content, **options)
    return content.getvalue()


GOOD = saved(STATE)


def with_pickle(pickle: bytes) -> bytes:
    """Return a good archive that holds another pickle."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as old, zipfile.ZipFile(content, "w") as new:
        for name in old.namelist():
            new.writestr(name, pickle if name.endswith("data.pkl") else old.read(name))
    return content.getvalue()


def pickle_of(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        return archive.read(name)


def test_one_input(data: bytes) -> None:
    kind, content = data[:1], data[1:]
    path = FOLDER / ("model.safetensors" if kind == SAFETENSORS else "model.pth")
    path.write_bytes(with_pickle(content) if kind == PICKLE else content)
    names = {layer.name: layer.name for layer in MODEL.layers if layer.weights}
    before = MODEL.get_weights()
    try:
        cnnx.torch.load_weights(MODEL, path, names if kind == SAFETENSORS else None)
    except (ValueError, OSError) as error:
        named = (str(path), "load_weights", *map(str, MODEL.layers))
        if not any(name in str(error) for name in named):
            raise
        for one, other in zip(MODEL.get_weights(), before, strict=True):
            assert one.tobytes() == other.tobytes()
    assert not seen, f"the file led to {seen}"


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # torch's, of strange files
    sys.addaudithook(watch)
    states = [STATE, {"state_dict": STATE, "epoch": 3}, {"a": torch.zeros(2, 2).half()}]
    seeds = [FILE + saved(state) for state in states]
    seeds += [FILE + saved(STATE, _use_new_zipfile_serialization=False)]
    seeds += [PICKLE + pickle_of(saved(state)) for state in states]
    seeds += [SAFETENSORS + safetensors.torch.save(STATE)]
    words = ["cposix\\x0asystem\\x0a", "ctorch._utils\\x0a_rebuild_tensor_v2\\x0a", "FloatStorage"]
    words += [
        "ccollections\\x0aOrderedDict\\x0a",
        "cbuiltins\\x0aeval\\x0a",
        "R.",
        "q\\x00",
        *STATE,
    ]
    fuzz(test_one_input, seeds, words)
