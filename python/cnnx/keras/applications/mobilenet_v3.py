"""The names of `cnnx.applications.mobilenet_v3`."""

from cnnx.applications.mobilenet_v3 import *
