"""Cats against dogs, from two folders of photos; then the network judges photos of yours.

Run: python examples/cats_and_dogs.py PETS [--augment] [--epochs N] [--seed N] [--learning-rate R]
     python examples/cats_and_dogs.py --predict a.jpg b.jpg FOLDER ... [--model FILE]

PETS holds a folder with the photos of cats and one with those of dogs, such as PetImages of the
"Kaggle Cats and Dogs Dataset" from Microsoft; pip install "cnnx[images,plot]". The book's network
sees the photos in grey, 100 x 100 pixels; --augment shows it a slightly different photo each time.
As in gap_mnist.py, He's initial weights and a small momentum of the batch normalisation suit a
training of few steps (docs/training.md).

--predict loads the saved network and draws the photos in colour, with their labels and values. A
folder stands for all photos in it. The saved network holds all that a prediction needs: its first
layer rescales the pixels as in training, and its last layer's name gives the two classes.
"""

import argparse
from pathlib import Path

import numpy as np

import cnnx
from cnnx import explain, layers
from cnnx.data import image_folder, load_image

SIZE = 100, 100
DRAWN = 24  # photos at most

parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
parser.add_argument("pets", nargs="?", help="folder with one folder of photos for each class")
parser.add_argument("--predict", nargs="+", type=Path, metavar="PHOTO", help="photos or folders")
parser.add_argument("--augment", action="store_true", help="flip, move, turn, ... photos")
parser.add_argument("--epochs", type=int, help="default: 12, or 30 with --augment")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument(
    "--learning-rate", type=float, help="default: .0003, or .001 at first with --augment"
)
parser.add_argument(
    "--model", type=Path, default="output/cats_and_dogs.safetensors", help="file of the network"
)
parser.add_argument(
    "--picture", type=Path, default="output/cats_and_dogs.png", help="file for the predictions"
)
options = parser.parse_args()


def network(mean, names):
    model = cnnx.Sequential()
    model.add(cnnx.Input((*SIZE, 1)))
    model.add(layers.Rescaling(1 / 255, -mean / 255))
    if options.augment:
        model.add(layers.RandomFlip("horizontal"))
        model.add(layers.RandomZoom(0.15))
        model.add(layers.RandomTranslation(0.1, 0.1))
        model.add(layers.RandomRotation(0.03))
        model.add(layers.RandomContrast(0.2, value_range=None))
    for filters in (32, 64, 128):
        model.add(layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_uniform"))
        model.add(layers.Activation("relu"))
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    for units in (64, 32):
        model.add(layers.Dense(units, activation="relu", kernel_initializer="he_uniform"))
        model.add(layers.BatchNormalization(momentum=0.9))
    model.add(layers.Dense(1, activation="sigmoid", name=" or ".join(names)))
    return model


def train():
    """Train and save a network; return the files of the photos that it has not seen."""
    cnnx.utils.set_random_seed(options.seed)
    pets = image_folder(options.pets, SIZE, "grayscale", validation_split=0.2, seed=options.seed)
    x_train, y_train = pets.train
    epochs = options.epochs or (30 if options.augment else 12)
    # At Adam's .001 it knows the photos by heart after 6 epochs, unless they vary.
    learning_rate = options.learning_rate or (0.001 if options.augment else 0.0003)
    if options.augment:
        steps = epochs * -(-len(x_train) // 32)
        learning_rate = cnnx.optimizers.schedules.PolynomialDecay(learning_rate, steps, 0.00005)
    model = network(float(x_train.mean()), pets.class_names)
    model.compile(cnnx.optimizers.Adam(learning_rate), "binary_crossentropy", ["accuracy"])
    model.summary()
    history = model.fit(
        x_train, y_train, batch_size=32, epochs=epochs, validation_data=pets.validation
    ).history
    print(f"Best validation accuracy: {max(history['val_accuracy']):.2%}".replace("%", " %"))
    options.model.parent.mkdir(parents=True, exist_ok=True)
    model.save(options.model)
    print(f"Saved {options.model}")
    return pets.validation_file_paths


def read_grey(path):
    """Return the files of one photo or of a folder of photos, and their pixels for the network."""
    if path.is_dir():
        photos = image_folder(path, SIZE, "grayscale", label_mode=None, shuffle=False)
        return photos.train_file_paths, photos.train
    return [path], load_image(path, SIZE, "grayscale")[None]


def shrunk(photo):
    """Return every n-th pixel of a large photo, because a figure keeps all pixels in memory."""
    step = 1 + max(photo.shape) // 800
    return photo[::step, ::step].copy()


def predict(paths):
    """Print what the saved network takes each photo for, and draw the photos in colour."""
    model = cnnx.models.load_model(options.model)
    names = model.layers[-1].name.split(" or ")
    lists, pixels = zip(*map(read_grey, paths), strict=True)
    files = [file for files in lists for file in files]
    values = model.predict(np.concatenate(pixels))[:, 0]
    labels = [names[round(float(value))] for value in values]
    for file, label, value in zip(files, labels, values, strict=True):
        print(f"{label:8} {value:.3f}  {file}")
    shares = [100 * max(float(value), 1 - float(value)) for value in values]
    titles = [f"{label} {share:.0f} %" for label, share in zip(labels, shares, strict=True)]
    photos = [shrunk(load_image(file)) for file in files[:DRAWN]]
    figure = explain.plot_pictures(photos, titles[:DRAWN], columns=min(len(files), 6))
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.picture, dpi=150, bbox_inches="tight")
    print(f"Saved {options.picture}" + f" with the first {DRAWN}" * (len(files) > DRAWN))


if (options.pets is None) == (options.predict is None):
    parser.error("give PETS to train, or --predict and photos to judge")
if options.pets is not None:
    predict(train()[:4])
elif not options.model.exists():
    parser.error(f"--model: there is no file {options.model}. Train a network first: give PETS.")
else:
    try:
        predict(options.predict)
    except (OSError, ValueError) as error:
        parser.error(str(error))
