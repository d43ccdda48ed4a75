"""The names of `cnnx.applications.efficientnet`."""

from cnnx.applications.efficientnet import *
