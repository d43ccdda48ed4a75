"""One filter that tells two characters apart, read and replaced by one made by hand.

Run: python examples/letters_filter.py [--data DIR] [--seed N | --seeds N] [--out FILE.png]
(the picture needs pip install "cnnx[plot]")

The book takes the letters I and Q of EMNIST; here a 1 of MNIST stands for the I and a 0 for the Q,
with a border to be 32x32 pixels and as black ink on white paper, as the book's scans are.

The book puts its filter F in the place of the learnt filter K and keeps the dense layer. That layer
has learnt to read K, so F does as well only if K has come out like F: the sum of K's weights is
positive, as F's is (white paper stays bright), and K's weights correlate with F's (edges point the
same way). Chance decides both, because -K and a dense layer of the opposite sign are the same
network. `--seeds 12` compares K and F in twelve trainings: K comes out like F in four of them.
"""

import argparse
from pathlib import Path

import numpy as np

import cnnx
from cnnx import explain, layers
from cnnx.ops import correlate2d

CHARACTERS = 1, 0  # labels 0 and 1
TRAINING_IMAGES = 1216  # the book's evaluation shows 38 batches of 32
EPOCHS, BATCH_SIZE = 25, 32
# Edges with the light on the right, and a line at the bottom.
F = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]) + np.array([[0, 0, 0], [0, 0, 0], [1, 1, 1]])
B_F = -0.67
BIASES = np.linspace(-3, 3, 121)

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", help="folder of MNIST's four files (default: download them)")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--seeds", type=int, help="compare K and F for so many seeds instead")
parser.add_argument(
    "--out", type=Path, default="output/letters_filter.png", help="picture to write"
)
options = parser.parse_args()


def black_on_white(images, digits):
    chosen = np.isin(digits, CHARACTERS)
    ink = np.pad(images[chosen], ((0, 0), (2, 2), (2, 2)))[..., None] / np.float32(255)
    return 1 - ink, (digits[chosen] == CHARACTERS[1]).astype(int)


def compile_and_fit(model):
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(*train, batch_size=BATCH_SIZE, epochs=EPOCHS, validation_split=0.2, verbose=0)


def learnt_model(seed):
    cnnx.utils.set_random_seed(seed)
    model = cnnx.Sequential(
        [
            layers.Conv2D(1, (3, 3), strides=(1, 1), padding="valid", input_shape=(32, 32, 1)),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    compile_and_fit(model)
    return model


def set_filter(model, bias):
    model.layers[0].set_weights([F.reshape(3, 3, 1, 1), [bias]])


def with_hand_made_filter(model):
    """Return the model with F for K; the dense layer stays."""
    fixed_model = cnnx.models.clone_model(model)
    set_filter(fixed_model, B_F)
    fixed_model.layers[2].set_weights(model.layers[2].get_weights())
    fixed_model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    return fixed_model


def losses_by_bias(fixed_model):
    """Return the loss in the training set for each b_F of BIASES."""
    losses = []
    for bias in BIASES:
        set_filter(fixed_model, bias)
        losses.append(fixed_model.evaluate(*train, verbose=0)[0])
    return losses


def compare(seeds):
    print("On the training images, F under the dense layer that was learnt with K:\n")
    print("      accuracy  accuracy   sum of   correlation   best   loss with  loss with")
    print("seed      of K      of F        K      of K and F    b_F   best b_F   b_F -0.67")
    alike = 0
    for seed in range(seeds):
        model = learnt_model(seed)
        fixed_model = with_hand_made_filter(model)
        (_, of_K), (loss, of_F) = (m.evaluate(*train, verbose=0) for m in (model, fixed_model))
        K = model.layers[0].get_weights()[0].ravel()
        losses = losses_by_bias(fixed_model)
        print(
            f"{seed:4}  {of_K:8.4f}  {of_F:8.4f}  {K.sum():7.2f}  "
            f"{np.corrcoef(K, F.ravel())[0, 1]:14.2f}  {BIASES[np.argmin(losses)]:5.2f}  "
            f"{min(losses):9.4f}  {loss:10.4f}"
        )
        alike += of_F >= of_K - 0.01
    print(f"\nF comes within one point of K's accuracy in {alike} of {seeds} seeds.")


def print_filters(K, b_K):
    print(f"Learnt filter K, bias {b_K.item():.2f}, and the one made by hand F, bias {B_F}:")
    for learnt, made in zip(K[..., 0, 0], F, strict=True):
        print(
            "  " + "".join(f"{w:7.2f}" for w in learnt) + "     " + "".join(f"{w:4}" for w in made)
        )
    print("\nResponses to lines, clipped to 0..1:")
    print("       " + "".join(f"{name:>6}" for name in explain.LINE_PATTERNS))
    for name, kernel, bias in (("K", K, b_K.item()), ("F", F, B_F)):
        responses = explain.pattern_responses(kernel, bias).values()
        print(f"  {name}    " + "".join(f"{value:6.2f}" for value in responses))


def judge(title, model):
    figures = [value for data in (train, test) for value in model.evaluate(*data, verbose=0)]
    print(f"  {title:42}" + "{:8.4f} {:9.4f}  {:10.4f} {:9.4f}".format(*figures))


def print_accuracies(model):
    print(f"\n{'':45}{len(train[0])} training images    {len(test[0])} test images")
    print(f"{'':48}loss  accuracy        loss  accuracy")
    judge("K, learnt", model)
    fixed_model = with_hand_made_filter(model)
    judge("F, the dense layer that was learnt with K", fixed_model)
    losses = losses_by_bias(fixed_model)
    bias = BIASES[np.argmin(losses)]
    set_filter(fixed_model, bias)
    judge(f"F, the same with the best bias, {bias:.2f}", fixed_model)
    set_filter(fixed_model, B_F)
    fixed_model.layers[0].trainable = False
    compile_and_fit(fixed_model)
    judge("F, frozen; the dense layer trained further", fixed_model)
    print("\nThe training loss of F over its bias, the dense layer being the one learnt with K:")
    print("  b_F   " + "".join(f"{bias:8.2f}" for bias in BIASES[::20]))
    print("  loss  " + "".join(f"{loss:8.4f}" for loss in losses[::20]))


def draw(K, b_K):
    images, labels = train
    examples = np.concatenate([images[labels == label][:4] for label in (0, 1)])
    maps = [
        correlate2d(examples, K, bias=b_K.item()),
        correlate2d(examples, F[..., None, None], bias=B_F),
    ]
    pictures = [*examples, *np.clip(np.concatenate(maps), 0, 1)]
    titles = [f"{digit}" for digit in CHARACTERS for _ in range(4)]
    titles += [""] * 16
    options.out.parent.mkdir(parents=True, exist_ok=True)
    rows = ["image", "after K", "after F"]
    figure = explain.plot_pictures(pictures, titles, columns=8, limit=1, row_labels=rows)
    figure.savefig(options.out, dpi=120)
    print(f"\nThe images before and after the filters: {options.out}")


train, test = (black_on_white(*d) for d in cnnx.datasets.mnist.load_data(options.data))
train = tuple(part[:TRAINING_IMAGES] for part in train)
if options.seeds:
    compare(options.seeds)
else:
    model = learnt_model(options.seed)
    print_filters(*model.layers[0].get_weights())
    print_accuracies(model)
    draw(*model.layers[0].get_weights())
