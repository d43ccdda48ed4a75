"""Training that outlives its process: stop it at any time, run it again, and it goes on.

Run: python examples/resume_digits.py [--backup DIR] [--epochs N]
Press Ctrl-C, or kill -9 it; run it again.

Broken or not, it ends with the same weights, bit for bit: compare the last line.
"""

import argparse
import hashlib

import cnnx
from cnnx import callbacks, layers

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--backup", default="output/digits-backup", help="folder of the backup")
parser.add_argument("--epochs", type=int, default=40)
options = parser.parse_args()

cnnx.utils.set_random_seed(0)
(x_train, y_train), (x_test, y_test) = cnnx.datasets.digits.load_data()
model = cnnx.Sequential(
    [
        cnnx.Input((8, 8, 1)),
        layers.Rescaling(1 / 16),
        layers.RandomTranslation(0.1, 0.1),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
model.fit(
    x_train[..., None],
    y_train,
    epochs=options.epochs,
    validation_data=(x_test[..., None], y_test),
    callbacks=[
        callbacks.BackupAndRestore(options.backup, save_freq=20),
        callbacks.ModelCheckpoint(
            f"{options.backup}/best.safetensors", "val_accuracy", save_best_only=True
        ),
    ],
)
weights = b"".join(weight.tobytes() for weight in model.get_weights())
print(f"Weights: {hashlib.sha256(weights).hexdigest()[:16]}")
