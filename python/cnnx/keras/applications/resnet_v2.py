"""The names of `cnnx.applications.resnet_v2`."""

from cnnx.applications.resnet_v2 import *
