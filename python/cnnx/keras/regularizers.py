"""The names of `cnnx.regularizers`."""

from cnnx.regularizers import *
