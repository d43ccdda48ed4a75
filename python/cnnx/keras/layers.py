"""The names of `cnnx.layers`."""

from cnnx.layers import *
