"""Digits in scikit-learn: a pipeline, a search over networks, and what the best one takes for what.

Run: python examples/sklearn_digits.py [--samples N] [--epochs N] [--jobs N] [--dask ADDRESS]

With --dask the networks train on the workers of a Dask cluster (pip install "dask[distributed]"):
ADDRESS is its scheduler's, such as tcp://host:8786; "local" starts --jobs workers here.
"""

import argparse
import contextlib

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import classification_report
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import cnnx
from cnnx import layers
from cnnx.sklearn import CNNClassifier


def build(input_shape, outputs, filters=16, dropout=0.0):
    """Return a network of one convolution; the search varies the rest."""
    return cnnx.Sequential(
        [
            cnnx.Input(input_shape),
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(dropout),
            layers.Dense(outputs, activation="softmax"),
        ]
    )


@contextlib.contextmanager
def workers(address, jobs):
    """Let scikit-learn use the workers of a Dask cluster if there is an address."""
    if address is None:
        yield
        return
    from dask.distributed import Client, LocalCluster

    local = address == "local"
    cluster = LocalCluster(n_workers=jobs, threads_per_worker=1) if local else address
    with Client(cluster) as client, joblib.parallel_config("dask"):
        print(f"Dask: {len(client.scheduler_info()['workers'])} workers")
        yield


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=1797, help="digits to use")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2, help="networks to train at once")
    parser.add_argument("--dask", metavar="ADDRESS", help='of a scheduler, or "local"')
    options = parser.parse_args()

    x, y = load_digits(return_X_y=True)  # rows of 64 features
    x_train, x_test, y_train, y_test = train_test_split(
        x[: options.samples], y[: options.samples], test_size=0.25, random_state=0
    )
    network = CNNClassifier(build, input_shape=(8, 8, 1), epochs=options.epochs, random_state=0)
    search = GridSearchCV(
        make_pipeline(MinMaxScaler(), network),
        {
            "cnnclassifier__build_options": [{"filters": 8}, {"filters": 32, "dropout": 0.3}],
            "cnnclassifier__learning_rate": [0.001, 0.005],
        },
        cv=3,
        n_jobs=options.jobs,
    )
    with workers(options.dask, options.jobs):
        search.fit(x_train, y_train)
    print("Best parameters:", search.best_params_)
    print(f"Accuracy in cross-validation: {100 * search.best_score_:.1f} %")
    predicted = search.predict(x_test)
    print(f"Accuracy on the others: {100 * np.mean(predicted == y_test):.1f} %")
    print(classification_report(y_test, predicted, zero_division=0))


if __name__ == "__main__":
    main()
