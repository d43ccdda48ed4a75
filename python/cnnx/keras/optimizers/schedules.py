"""The names of `cnnx.optimizers.schedules`."""

from cnnx.optimizers.schedules import *
