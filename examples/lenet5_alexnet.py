"""LeNet-5 and AlexNet: their layers with the number of parameters of each, and a drawing.

Run: python examples/lenet5_alexnet.py [--out FOLDER]

LeNet-5 (LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document
recognition") is built in its usual form of today, with 61,706 parameters. The paper's has 60,000:

- Each map of C3 sees only some maps of S2: 1,516 parameters there, 2,416 here.
- S2 and S4 scale each average by a learned number, add another, and squash the sum: 12 and 32
  parameters there, none here.
- The output measures distances to fixed pictures of the digits: no learned parameters there, 850
  here.

AlexNet (Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification with deep convolutional
neural networks") has 60,965,224 parameters, 244 MB. Its second, fourth and fifth convolutions have
two groups of channels; the paper computed each group on a GPU of its own. The paper writes 224
pixels for the input, but its sizes come out with 227. Its local response normalisation, which has
no parameters, is left out.
"""

import argparse
from pathlib import Path

import cnnx
from cnnx import layers


def lenet5() -> cnnx.Sequential:
    """Return LeNet-5, with the paper's names."""
    return cnnx.Sequential(
        [
            cnnx.Input((32, 32, 1)),
            layers.Conv2D(6, 5, activation="tanh", name="C1"),
            layers.AveragePooling2D(2, name="S2"),
            layers.Conv2D(16, 5, activation="tanh", name="C3"),
            layers.AveragePooling2D(2, name="S4"),
            layers.Conv2D(120, 5, activation="tanh", name="C5"),
            layers.Flatten(name="flatten"),
            layers.Dense(84, activation="tanh", name="F6"),
            layers.Dense(10, activation="softmax", name="output"),
        ],
        name="LeNet-5",
    )


def alexnet() -> cnnx.Sequential:
    """Return AlexNet for the 1,000 classes of ImageNet."""

    def convolution(filters: int, size: int, name: str, **arguments: int) -> layers.Conv2D:
        padding = "valid" if size == 11 else "same"
        return layers.Conv2D(
            filters, size, padding=padding, activation="relu", name=name, **arguments
        )

    return cnnx.Sequential(
        [
            cnnx.Input((227, 227, 3)),
            convolution(96, 11, "conv1", strides=4),
            layers.MaxPooling2D(3, strides=2, name="pool1"),
            convolution(256, 5, "conv2", groups=2),
            layers.MaxPooling2D(3, strides=2, name="pool2"),
            convolution(384, 3, "conv3"),
            convolution(384, 3, "conv4", groups=2),
            convolution(256, 3, "conv5", groups=2),
            layers.MaxPooling2D(3, strides=2, name="pool5"),
            layers.Flatten(name="flatten"),
            layers.Dense(4096, activation="relu", name="fc6"),
            layers.Dropout(0.5, name="dropout6"),
            layers.Dense(4096, activation="relu", name="fc7"),
            layers.Dropout(0.5, name="dropout7"),
            layers.Dense(1000, activation="softmax", name="fc8"),
        ],
        name="AlexNet",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("output"), help="folder for both drawings")
    options = parser.parse_args()

    options.out.mkdir(parents=True, exist_ok=True)
    for build in (lenet5, alexnet):
        model = build()
        model.summary()
        file = options.out / f"{build.__name__}.svg"
        cnnx.utils.plot_model(model, file)
        print(f"Drawing: {file}\n")


if __name__ == "__main__":
    main()
