"""The names of `cnnx.datasets.cifar100`."""

from cnnx.datasets.cifar100 import *
