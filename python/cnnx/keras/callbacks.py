"""The names of `cnnx.callbacks`."""

from cnnx.callbacks import *
