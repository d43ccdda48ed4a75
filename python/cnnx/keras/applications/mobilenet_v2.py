"""The names of `cnnx.applications.mobilenet_v2`."""

from cnnx.applications.mobilenet_v2 import *
