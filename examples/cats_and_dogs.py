"""Cats against dogs, from two folders of photos.

Run: python examples/cats_and_dogs.py PETS [--augment] [--epochs N] [--seed N]

PETS holds a folder with the photos of cats and one with those of dogs, such as PetImages of the
"Kaggle Cats and Dogs Dataset" from Microsoft; pip install "cnnx[images,plot]". The book's network
sees the photos in grey, 100 x 100 pixels; --augment shows it a slightly different photo each time.
As in gap_mnist.py, He's initial weights and a small momentum of the batch normalisation suit a
training of few steps (docs/training.md).
"""

import argparse

import numpy as np

import cnnx
from cnnx import explain, layers

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("pets", help="folder with one folder of photos for each class")
parser.add_argument("--augment", action="store_true", help="flip, move, turn, ... photos")
parser.add_argument("--epochs", type=int, help="default: 12, or 30 with --augment")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--model", default="cats_and_dogs.safetensors", help="file to save it in")
parser.add_argument("--picture", default="cats_and_dogs.png", help="file for four predictions")
options = parser.parse_args()
epochs = options.epochs or (30 if options.augment else 12)

cnnx.utils.set_random_seed(options.seed)
(x_train, y_train), (x_test, y_test), names = cnnx.data.image_folder(
    options.pets, (100, 100), "grayscale", validation_split=0.2, seed=options.seed
)
mean = x_train.mean()
x_train, x_test = ((x.astype(np.float32) - mean) / 255 for x in (x_train, x_test))

model = cnnx.Sequential()
model.add(cnnx.Input((100, 100, 1)))
learning_rate = 0.0003  # at Adam's .001 it knows the photos by heart after 6 epochs
if options.augment:
    model.add(layers.RandomFlip("horizontal"))
    model.add(layers.RandomZoom(0.15))
    model.add(layers.RandomTranslation(0.1, 0.1))
    model.add(layers.RandomRotation(0.03))
    model.add(layers.RandomContrast(0.2))
    steps = epochs * -(-len(x_train) // 32)
    learning_rate = cnnx.optimizers.schedules.PolynomialDecay(0.001, steps, 0.00005)
for filters in (32, 64, 128):
    model.add(layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_uniform"))
    model.add(layers.Activation("relu"))
    model.add(layers.MaxPooling2D(2))
model.add(layers.Flatten())
for units in (64, 32):
    model.add(layers.Dense(units, activation="relu", kernel_initializer="he_uniform"))
    model.add(layers.BatchNormalization(momentum=0.9))
model.add(layers.Dense(1, activation="sigmoid"))
model.compile(cnnx.optimizers.Adam(learning_rate), "binary_crossentropy", ["accuracy"])
model.summary()

history = model.fit(
    x_train, y_train, batch_size=32, epochs=epochs, validation_data=(x_test, y_test)
).history
print(f"Best validation accuracy: {max(history['val_accuracy']):.2%}".replace("%", " %"))

model.save(options.model)
model = cnnx.models.load_model(options.model)
values = model.predict(x_test[:4])[:, 0]
titles = [
    f"{names[round(float(value))]}  {value:.3f}\n(one of the {names[int(label)]})"
    for value, label in zip(values, y_test[:4], strict=True)
]
figure = explain.plot_pictures(x_test[:4, ..., 0], titles)
figure.savefig(options.picture, dpi=150, bbox_inches="tight")
print(f"Saved {options.model} and {options.picture}")
