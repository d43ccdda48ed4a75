"""The names of `cnnx.datasets.mnist`."""

from cnnx.datasets.mnist import *
