"""The names of `cnnx.initializers`."""

from cnnx.initializers import *
