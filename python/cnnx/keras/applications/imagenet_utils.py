"""The names of `cnnx.applications.imagenet_utils`."""

from cnnx.applications.imagenet_utils import *
