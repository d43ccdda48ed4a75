"""The names of `cnnx.applications.resnet`."""

from cnnx.applications.resnet import *
