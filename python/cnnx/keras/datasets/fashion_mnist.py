"""The names of `cnnx.datasets.fashion_mnist`."""

from cnnx.datasets.fashion_mnist import *
