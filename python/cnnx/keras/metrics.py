"""The names of `cnnx.metrics`."""

from cnnx.metrics import *
