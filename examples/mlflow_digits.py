"""Training with its settings, figures and model in MLflow.

Run: python examples/mlflow_digits.py [--epochs N] [--rate R]

It needs pip install mlflow. `mlflow ui --backend-store-uri sqlite:///mlflow.db` shows the runs.
"""

import argparse
import tempfile
from pathlib import Path

import mlflow

import cnnx
from cnnx import layers


class MLflowLogger(cnnx.callbacks.Callback):
    """Send the figures of each epoch to the active run, and the model at the end."""

    def on_epoch_end(self, epoch, logs=None):
        """Send an epoch's figures."""
        mlflow.log_metrics(logs, step=epoch)

    def on_train_end(self, logs=None):
        """Send the model."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.safetensors"
            self.model.save(path)
            mlflow.log_artifact(str(path))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rate", type=float, default=0.001)
    options = parser.parse_args()

    cnnx.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = cnnx.datasets.digits.load_data()
    model = cnnx.Sequential(
        [
            cnnx.Input((8, 8, 1)),
            layers.Rescaling(1 / 16),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        cnnx.optimizers.Adam(options.rate), "sparse_categorical_crossentropy", ["accuracy"]
    )
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    with mlflow.start_run():
        mlflow.log_params(vars(options))
        model.fit(
            x_train[..., None],
            y_train,
            epochs=options.epochs,
            validation_data=(x_test[..., None], y_test),
            callbacks=MLflowLogger(),
        )


if __name__ == "__main__":
    main()
