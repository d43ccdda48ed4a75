"""The names of `cnnx.applications`, and modules of single networks."""

from cnnx.applications import *
from cnnx.keras.applications import resnet50, vgg16, vgg19
