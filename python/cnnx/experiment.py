"""An experiment: a classifier is trained, then judged on images that it has not seen."""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnx.callbacks import Callback
from cnnx.metrics import confusion_matrix
from cnnx.models import Model
from cnnx.progress import write_line

__all__ = ["class_shares", "format_confusion_matrix", "print_accuracy", "run_experiment"]


def run_experiment(
    model: Model,
    train: tuple[ArrayLike, ArrayLike],
    test: tuple[ArrayLike, ArrayLike],
    *,
    batch_size: int,
    epochs: int,
    callbacks: Sequence[Callback] = (),
) -> float:
    """Train a compiled classifier and print its summary, accuracy, confusion matrix and time.

    Parameters
    ----------
    model : Model
        Ends in one output a class.
    train, test : tuple
        Inputs (n, ...) and their classes, as numbers (n,) or one-hot rows (n, classes).
    batch_size, epochs : int
        As for `Model.fit`.
    callbacks : sequence of Callback
        As for `Model.fit`.

    Returns
    -------
    float
        Test accuracy, from 0 to 1.
    """
    model.summary()
    started = time.perf_counter()
    model.fit(*train, batch_size=batch_size, epochs=epochs, callbacks=callbacks)
    seconds = time.perf_counter() - started
    images = epochs * len(np.asarray(train[1]))
    accuracy = print_accuracy(model, test)
    write_line(f"Training time: {seconds:.1f} s, {images / seconds:,.0f} images/s")
    return accuracy


def print_accuracy(model: Model, test: tuple[ArrayLike, ArrayLike]) -> float:
    """Print the confusion matrix and the accuracy of a classifier, and return the accuracy.

    Parameters
    ----------
    model : Model
        Ends in one output a class, or in a single one for two classes.
    test : tuple
        Inputs (n, ...) and their classes, as numbers (n,) or one-hot rows (n, classes).

    Returns
    -------
    float
        Share of the inputs whose class is the one predicted.
    """
    x_test, y_test = map(np.asarray, test)
    true = y_test.argmax(axis=1) if y_test.ndim == 2 else y_test
    shares = class_shares(model.predict(x_test, verbose=0))
    counts = confusion_matrix(true, shares.argmax(axis=1), num_classes=shares.shape[1])
    accuracy = float(counts.trace() / counts.sum())
    write_line(f"\nConfusion matrix\n{format_confusion_matrix(counts, model.class_names)}\n")
    write_line(f"Test accuracy: {accuracy:.2%} of {len(true):,} images".replace("%", " %"))
    return accuracy


def class_shares(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an output a class of a classifier's outputs, which may be one for two classes."""
    return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs


def format_confusion_matrix(counts: NDArray[np.int64], names: Sequence[str] | None = None) -> str:
    """Lay out a confusion matrix with a row for each true class, and its recall.

    Parameters
    ----------
    counts : ndarray
        Shape (classes, classes): true class by predicted class.
    names : sequence of str, optional
        Of the classes, written behind the rows; the columns bear their numbers.

    Returns
    -------
    str
        A table; zeros are dots, so that the mistakes stand out.
    """
    width = max(len(str(counts.max())), len(str(len(counts)))) + 2
    classes = "".join(f"{label:{width}}" for label in range(len(counts)))
    lines = [
        " true | predicted",
        f"      |{classes}   recall",
        "------+" + "-" * (width * len(counts) + 9),
    ]
    for label, row in enumerate(counts):
        cells = "".join(f"{count or '.':>{width}}" for count in row)
        recall = f"{row[label] / row.sum():.1%}".replace("%", " %") if row.any() else "-"
        name = "" if names is None or names[label] == str(label) else f"  {names[label]}"
        lines.append(f"{label:5} |{cells}{recall:>9}{name}")
    return "\n".join(lines)
