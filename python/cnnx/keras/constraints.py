"""The names of `cnnx.constraints`."""

from cnnx.constraints import *
