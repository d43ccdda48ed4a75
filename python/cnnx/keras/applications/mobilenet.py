"""The names of `cnnx.applications.mobilenet`."""

from cnnx.applications.mobilenet import *
