"""The names of `cnnx.losses`."""

from cnnx.losses import *
