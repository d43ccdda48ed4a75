"""Networks that are chains of layers."""

from bench.networks.description import (
    Activation,
    BatchNorm,
    Convolution,
    Dense,
    Flatten,
    GlobalAverage,
    Layer,
    MaxPooling,
    Network,
    chain,
)


def _vgg_pair(filters: int) -> tuple[Layer, ...]:
    convolution = (Convolution(filters, 3, "same"), BatchNorm(), Activation("relu"))
    return (*convolution, *convolution, MaxPooling(2))


def _convolution_and_pooling(
    filters: int, kernel_size: int, padding: str, activation: str
) -> tuple[Layer, ...]:
    return Convolution(filters, kernel_size, padding, activation), MaxPooling(2)


CHAINS = (
    Network(
        "iq",
        (32, 32, 1),
        chain(Convolution(1, 3), Flatten(), Dense(1, "sigmoid")),
        "binary_crossentropy",
    ),
    Network(
        "numpy_cnn",
        (28, 28, 1),
        chain(
            Convolution(8, 5, "valid", "relu"),
            *_convolution_and_pooling(8, 5, "valid", "relu"),
            Flatten(),
            Dense(128, "relu"),
            Dense(10, "softmax"),
        ),
        "sparse_categorical_crossentropy",
    ),
    Network(
        "lenet5",
        (28, 28, 1),
        chain(
            *_convolution_and_pooling(6, 5, "same", "relu"),
            *_convolution_and_pooling(16, 5, "valid", "relu"),
            Flatten(),
            Dense(120, "relu"),
            Dense(84, "relu"),
            Dense(10, "softmax"),
        ),
        "sparse_categorical_crossentropy",
    ),
    Network(
        "mnist_gap",
        (28, 28, 1),
        chain(
            *_convolution_and_pooling(32, 3, "same", "sigmoid"),
            *_convolution_and_pooling(32, 3, "same", "sigmoid"),
            GlobalAverage(),
            Dense(32),
            BatchNorm(),
            Activation("sigmoid"),
            Dense(10, "softmax"),
        ),
        "binary_crossentropy",
    ),
    Network(
        "catdog",
        (100, 100, 1),
        chain(
            *_convolution_and_pooling(32, 3, "same", "relu"),
            *_convolution_and_pooling(64, 3, "same", "relu"),
            *_convolution_and_pooling(128, 3, "same", "relu"),
            Flatten(),
            Dense(64, "relu"),
            BatchNorm(),
            Dense(32, "relu"),
            BatchNorm(),
            Dense(1, "sigmoid"),
        ),
        "binary_crossentropy",
    ),
    Network(
        "vgg_cifar",
        (32, 32, 3),
        chain(
            *_vgg_pair(64),
            *_vgg_pair(128),
            *_vgg_pair(256),
            GlobalAverage(),
            Dense(10, "softmax"),
        ),
        "sparse_categorical_crossentropy",
    ),
)
