"""The names of `cnnx.saving`."""

from cnnx.saving import *
