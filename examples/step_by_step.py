"""Convolution, pooling and gradients by hand: every product and every sum, forward and backward.

Run: python examples/step_by_step.py
"""

import numpy as np

import cnnx
from cnnx import filters, layers
from cnnx.explain import check_gradients, convolution_steps, pooling_steps, receptive_field

print("A 2x2 kernel over a 3x3 image.\n")
image = [[1, 6, 2], [5, 3, 1], [7, 0, 4]]
kernel = [[1, 2], [-1, 0]]
print(convolution_steps(image, kernel, dy=[[1, 2], [3, 4]]))

print("\n\nThree channels and a bias.\n")
red = [[0.1, 0.1, 0.2], [0.7, 0.6, 0.7], [0.8, 0.8, 0.8]]
green = [[0.0, 0.3, 0.9], [1.0, 0.3, 0.7], [0.2, 0.1, 0.0]]
blue = [[0.2, 0.2, 0.7], [0.3, 0.5, 0.4], [0.5, 0.5, 0.7]]
cross = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
colours, crosses = np.dstack([red, green, blue]), np.dstack([cross] * 3)
print(convolution_steps(colours, crosses, bias=-3).forward())

print("\n\nA true convolution of a padded image: the way back.\n")
pixels = np.arange(1, 10).reshape(3, 3)
weights = [[1, 0, 2], [0, 3, 0], [4, 0, 5]]
errors = [[1, 0, -1], [2, 1, 0], [0, -2, 3]]
steps = convolution_steps(pixels, weights, dy=errors, mode="same", operation="convolution")
print(steps.backward())

print("\n\nTwo filters with a bias each: both give the image's gradient a part.\n")
edges = np.stack([[[1, -1], [1, -1]], [[1, 1], [-1, -1]]], axis=-1)[:, :, None]
print(convolution_steps(image, edges, bias=[0, -1]))

print("\n\nMax pooling: the gradient goes to the maximum alone.\n")
pixels = [[12, 20, 30, 0], [8, 12, 2, 0], [34, 70, 37, 4], [112, 100, 25, 12]]
print(pooling_steps(pixels, "max", dy=[[1, 2], [3, 4]]))

print("\n\nAverage pooling with overlapping windows: the shares of a pixel add up.\n")
print(pooling_steps(np.arange(1, 7).reshape(2, 3), "average", strides=1, dy=[[4, 8]]))

print("\n\nThe kernel of a function, by its impulse response: one pixel to the right, one up.\n")
print(filters.impulse_response(lambda picture: np.roll(picture, (-1, 1), axis=(0, 1))))

print("\n\nWhat an output of each layer sees of the image.\n")
model = cnnx.Sequential(
    [
        cnnx.Input((28, 28, 1)),
        layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ]
)
print(receptive_field(model))

print("\n\nThe derivative of a loss: softmax and cross-entropy together give p - y.\n")
loss = cnnx.losses.CategoricalCrossentropy(from_logits=True)
print(loss.gradient([[1, 0, 0, 0]], [[3.2, 1.3, 0.2, 0.8]]).round(3))

print("\n\nThe gradients of a network, compared with central differences of its loss.\n")
cnnx.utils.set_random_seed(0)
model = cnnx.Sequential(
    [
        cnnx.Input((6, 6, 1)),
        layers.Conv2D(2, 3, activation="tanh"),
        layers.AveragePooling2D(2),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile(loss="sparse_categorical_crossentropy")
print(check_gradients(model, np.random.default_rng(0).random((4, 6, 6, 1)), [0, 1, 2, 1]))
