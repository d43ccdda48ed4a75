"""
A training of several ranks, in which something goes wrong.

`python distributed_faults.py FOLDER [FAULT RANK]`: the fault comes after batch 7 of the rank; the
weights go to FOLDER/weights.RANK, the backups to FOLDER/backup.
"""

from __future__ import annotations

import os
import pickle
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import cnnx
from cnnx import callbacks, layers
from cnnx.distributed import Group

JOINT, SAMPLES, EPOCHS = 12, 60, 3


def network(dropout: float) -> cnnx.Sequential:
    cnnx.utils.set_random_seed(3)
    model = cnnx.Sequential(
        [
            cnnx.Input((8, 8, 1)),
            layers.RandomFlip("horizontal", seed=4) if dropout else layers.ReLU(),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(synchronized=not dropout),
            layers.Flatten(),
            layers.Dropout(dropout),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    return model


def train(group: Group, folder: str, *others: Any, dropout: float = 0.0, **options: Any) -> Any:
    x = np.random.default_rng(1).standard_normal((SAMPLES, 8, 8, 1)).astype(np.float32)
    model = network(dropout)
    options = {"epochs": EPOCHS, "verbose": 0, "batch_size": JOINT // group.size, **options}
    backup = callbacks.BackupAndRestore(Path(folder, "backup"), save_freq=1)
    history = model.fit(x, np.arange(SAMPLES) % 3, callbacks=[backup, *others], **options)
    return model.get_weights(), history.history


def strike(fault: str, group: Group, folder: str) -> None:
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif fault == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif fault == "raise":
        raise ArithmeticError("of this rank alone")
    elif fault == "exit":
        sys.exit(3)
    elif fault == "sleep":
        time.sleep(1000)
    elif fault == "wait":  # until the test has cut the network
        Path(folder, f"waits.{group.rank}").touch()
        while not Path(folder, "go").exists():
            time.sleep(0.01)
    elif fault == "full disk":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


def main() -> None:
    folder, *rest = sys.argv[1:]
    options = {"dropout": float(os.environ.get("DROPOUT", "0"))}
    group = cnnx.distributed.init(timeout=float(os.environ.get("TIMEOUT", "60")))
    batches = iter(range(1, 1000))

    def count(*_: Any) -> None:
        if next(batches) == 7 and rest and rest[1] in (str(group.rank), "all"):
            strike(rest[0], group, folder)

    found = train(group, folder, callbacks.LambdaCallback(on_train_batch_end=count), **options)
    Path(folder, f"weights.{group.rank}").write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main()
