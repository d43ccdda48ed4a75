"""The names of `cnnx.models`."""

from cnnx.models import *
