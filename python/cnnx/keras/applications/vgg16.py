"""The names of `cnnx.applications.vgg`."""

from cnnx.applications.vgg import *
