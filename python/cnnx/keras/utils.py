"""The names of `cnnx.utils`."""

from cnnx.utils import *
