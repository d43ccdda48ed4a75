"""One filter that tells two characters apart, read and replaced by one made by hand.

Run: python examples/letters_filter.py [--data DIR] [--seed N] [--out letters_filter.png]
(the picture needs pip install "cnnx[plot]")

The book takes the letters I and Q of EMNIST; here a 1 of MNIST stands for the I and a 0 for the Q.
The images of 28x28 pixels get a border of two zeros to be 32x32.
"""

import argparse

import numpy as np

import cnnx
from cnnx import explain, layers
from cnnx.ops import correlate2d

CHARACTERS = 1, 0  # labels 0 and 1
EPOCHS, BATCH_SIZE = 25, 32
# Edges with the light on the right, and a line at the bottom.
F = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]) + np.array([[0, 0, 0], [0, 0, 0], [1, 1, 1]])
B_F = -0.67

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", help="folder of MNIST's four files (default: download them)")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--out", default="letters_filter.png", help="picture to write")
options = parser.parse_args()


def two_characters(images, digits):
    chosen = np.isin(digits, CHARACTERS)
    bordered = np.pad(images[chosen], ((0, 0), (2, 2), (2, 2)))
    return bordered[..., None] / np.float32(255), (digits[chosen] == CHARACTERS[1]).astype(int)


def compile_and_fit(model):
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(
        x_train, y_train, batch_size=BATCH_SIZE, epochs=EPOCHS, validation_split=0.2, verbose=0
    )


def judge(title, model):
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"  {title:45} loss {loss:7.4f}   accuracy {100 * accuracy:6.2f} %")


cnnx.utils.set_random_seed(options.seed)
train, test = cnnx.datasets.mnist.load_data(options.data)
(x_train, y_train), (x_test, y_test) = two_characters(*train), two_characters(*test)

model = cnnx.Sequential(
    [
        layers.Conv2D(1, (3, 3), strides=(1, 1), padding="valid", input_shape=(32, 32, 1)),
        layers.Flatten(),
        layers.Dense(1, activation="sigmoid"),
    ]
)
compile_and_fit(model)
K, (B_K,) = model.layers[0].get_weights()

print(f"Learnt filter K, bias {B_K:.2f}, and the one made by hand F, bias {B_F}:")
for learnt, made in zip(K[..., 0, 0], F, strict=True):
    print("  " + "".join(f"{w:7.2f}" for w in learnt) + "     " + "".join(f"{w:4}" for w in made))
responses = {"K": explain.pattern_responses(K, B_K), "F": explain.pattern_responses(F, B_F)}
print("\nResponses to lines, clipped to 0..1:")
print("       " + "".join(f"{name:>6}" for name in explain.LINE_PATTERNS))
for name, values in responses.items():
    print(f"  {name}    " + "".join(f"{value:6.2f}" for value in values.values()))

# The book puts F in the place of K and keeps the dense layer. That layer has learnt to read K; it
# reads F only as far as the two are alike.
fixed_model = cnnx.models.clone_model(model)
fixed_model.layers[0].set_weights([F.reshape(K.shape), [B_F]])
fixed_model.layers[2].set_weights(model.layers[2].get_weights())
fixed_model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])

print("\nOn the test images:")
judge("K, learnt", model)
judge("F, the dense layer that was learnt with K", fixed_model)
fixed_model.layers[0].trainable = False
compile_and_fit(fixed_model)
judge("F, frozen; the dense layer learnt anew", fixed_model)

first = [x_train[y_train == label][:4, ..., 0] for label in (0, 1)]
examples = np.concatenate(first)
pictures = [
    *examples,
    *np.clip(correlate2d(examples[..., None], K, bias=B_K)[..., 0], 0, 1),
    *np.clip(correlate2d(examples[..., None], F[..., None, None], bias=B_F)[..., 0], 0, 1),
]
titles = [f"{digit}" for digit in CHARACTERS for _ in range(4)]
titles += ["with K"] * 8 + ["with F"] * 8
explain.plot_pictures(pictures, titles, columns=8, limit=1).savefig(options.out, dpi=120)
print(f"\nImages and what the filters make of them: {options.out}")
