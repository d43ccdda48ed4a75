"""The names of `cnnx.datasets`."""

from cnnx.datasets import *
