"""The names of `cnnx.applications.densenet`."""

from cnnx.applications.densenet import *
