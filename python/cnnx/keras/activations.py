"""The names of `cnnx.activations`."""

from cnnx.activations import *
