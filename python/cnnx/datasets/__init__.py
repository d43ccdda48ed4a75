"""Data sets of images with labels, each a module with `load_data`."""

from cnnx.datasets import cifar10, cifar100, digits, emnist, fashion_mnist, kmnist, mnist

__all__ = ["cifar10", "cifar100", "digits", "emnist", "fashion_mnist", "kmnist", "mnist"]
