"""The book's programs for Keras, step by step: only the lines that import Keras differ.

Run: python examples/keras_programs.py PETS [--data DIR] [--epochs N]

PETS holds a folder with the photos of cats and one with those of dogs; pip install
"cnnx[images,plot]". A 1 and a 0 of MNIST, black ink on white paper, stand for the letters I and Q
of the last two programs. Dog_Cat.model and CatDog_Predict.png are written to the present folder.

The book's seed 4015 gives other initial weights here than in TensorFlow. The learnt filter comes
out like -F, so F under its dense layer takes an I for a Q. letters_filter.py shows the seeds whose
filter comes out like F.
"""

import argparse

import numpy as np

import cnnx as tf
from cnnx import keras
from cnnx.data import image_folder
from cnnx.keras.layers import Activation, BatchNormalization, Conv2D, Dense, Flatten, MaxPooling2D
from cnnx.keras.models import Sequential

CATEGORIES = ["Cat", "Dog"]


def train_on_cats_and_dogs(X, y, epochs):
    """Programme 11.6.9: build, compile, train and save."""
    X, y = np.array(X), np.array(y)
    tf.random.set_seed(4013)
    model = Sequential()
    model.add(Conv2D(32, (3, 3), padding="SAME", input_shape=X.shape[1:]))
    model.add(Activation("relu"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    for filters in (64, 128):
        model.add(Conv2D(filters, (3, 3), padding="SAME"))
        model.add(Activation("relu"))
        model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Flatten())
    for units in (64, 32):
        model.add(Dense(units, activation="relu"))
        model.add(BatchNormalization())
    model.add(Dense(1, activation="sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    print(model.summary())
    model.fit(X, y, batch_size=32, epochs=epochs, validation_split=0.2)
    model.save("Dog_Cat.model")


def predict_four(features, pictures):
    """Programme 11.6.10: load the model, predict, and show the pictures with label and value."""
    import matplotlib.pyplot as plt

    model = tf.keras.models.load_model("Dog_Cat.model")
    fig = plt.figure(figsize=(12, 4), layout="constrained")
    for i in range(4):
        axes = fig.add_subplot(1, 4, i + 1)
        X = np.array(features[i], dtype=np.float32).reshape(-1, 100, 100, 1)
        prediction = np.squeeze(model.predict(X))
        print(prediction)
        axes.imshow(pictures[i], aspect="auto")
        plt.title(CATEGORIES[int(np.round(prediction))] + f"\n{prediction:.4f}", fontsize=20)
        axes.get_xaxis().set_visible(False)
        axes.get_yaxis().set_visible(False)
    fig.savefig("CatDog_Predict.png")


def train_one_filter(X_train, y_train, epochs):
    """Programme 11.6.12: one filter and one output; read the filter."""
    tf.random.set_seed(4015)
    X_train, y_train = np.array(X_train), np.array(y_train)
    model = Sequential()
    model.add(Conv2D(1, (3, 3), strides=(1, 1), padding="valid", input_shape=X_train.shape[1:]))
    model.add(Flatten())
    model.add(Dense(1, activation="sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(X_train, y_train, batch_size=32, epochs=epochs, validation_split=0.2)
    K, b_K = model.layers[0].get_weights()
    return model, K, b_K


def compare_with_fixed_filter(model, K, b_K, X_train, y_train):
    """Programme 11.6.13: put a filter made by hand into a clone of the model, and compare."""
    F1 = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]])
    F2 = np.array([[0, 0, 0], [0, 0, 0], [1, 1, 1]])
    F = F1 + F2
    b_F = -0.67
    print(F)
    print(b_F)
    fix_model = tf.keras.models.clone_model(model)
    fix_model.layers[0].set_weights([F.reshape(np.shape(K)), np.array(b_F).reshape(np.shape(b_K))])
    fix_model.layers[2].set_weights(model.layers[2].get_weights())
    fix_model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    return fix_model.evaluate(X_train, y_train), model.evaluate(X_train, y_train)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pets", help="folder with one folder of photos for each class")
    parser.add_argument("--data", help="folder of MNIST's four files (default: download them)")
    parser.add_argument("--epochs", type=int, default=10, help="of the cats and dogs")
    options = parser.parse_args()

    (X, y), _, _ = image_folder(options.pets, (100, 100), "grayscale", seed=4012)
    train_on_cats_and_dogs(X, y.tolist(), options.epochs)
    predict_four(X[-4:], np.repeat(X[-4:], 3, axis=-1))

    (images, digits), _ = keras.datasets.mnist.load_data(options.data)
    chosen = np.flatnonzero(digits < 2)[:1216]  # the book's evaluation shows 38 batches of 32
    X_train = (255 - np.pad(images[chosen], ((0, 0), (2, 2), (2, 2))))[..., None] / 255
    y_train = (digits[chosen] == 0).tolist()  # "I" is 0 and "Q" is 1
    model, K, b_K = train_one_filter(X_train, y_train, epochs=25)
    compare_with_fixed_filter(model, K, b_K, X_train, y_train)


if __name__ == "__main__":
    main()
