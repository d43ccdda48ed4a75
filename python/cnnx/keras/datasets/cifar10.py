"""The names of `cnnx.datasets.cifar10`."""

from cnnx.datasets.cifar10 import *
