"""The names of `cnnx.optimizers`."""

from cnnx.optimizers import *
