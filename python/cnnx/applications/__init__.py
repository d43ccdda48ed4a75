"""
Networks from the literature, with the arguments of Keras, and weights from files.

Each function builds a `Model` of our layers. `weights` is the path of a file of Keras, torchvision,
timm or cnnx: nothing is downloaded.
"""

from cnnx.applications import (
    densenet,
    efficientnet,
    efficientnet_lite,
    imagenet_utils,
    lenet,
    mobilenet,
    mobilenet_v2,
    mobilenet_v3,
    resnet,
    resnet_v2,
    unet,
    vgg,
)
from cnnx.applications.densenet import DenseNet121, DenseNet169, DenseNet201
from cnnx.applications.efficientnet import (
    EfficientNetB0,
    EfficientNetB1,
    EfficientNetB2,
    EfficientNetB3,
    EfficientNetB4,
    EfficientNetB5,
    EfficientNetB6,
    EfficientNetB7,
)
from cnnx.applications.efficientnet_lite import (
    EfficientNetLite0,
    EfficientNetLite1,
    EfficientNetLite2,
    EfficientNetLite3,
    EfficientNetLite4,
)
from cnnx.applications.lenet import LeNet5
from cnnx.applications.mobilenet import MobileNet
from cnnx.applications.mobilenet_v2 import MobileNetV2
from cnnx.applications.mobilenet_v3 import MobileNetV3Large, MobileNetV3Small
from cnnx.applications.resnet import ResNet18, ResNet34, ResNet50, ResNet101, ResNet152
from cnnx.applications.resnet_v2 import ResNet50V2, ResNet101V2, ResNet152V2
from cnnx.applications.unet import UNet
from cnnx.applications.vgg import VGG11, VGG13, VGG16, VGG19

__all__ = [
    "VGG11",
    "VGG13",
    "VGG16",
    "VGG19",
    "DenseNet121",
    "DenseNet169",
    "DenseNet201",
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "EfficientNetLite0",
    "EfficientNetLite1",
    "EfficientNetLite2",
    "EfficientNetLite3",
    "EfficientNetLite4",
    "LeNet5",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Large",
    "MobileNetV3Small",
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "ResNet50V2",
    "ResNet101",
    "ResNet101V2",
    "ResNet152",
    "ResNet152V2",
    "UNet",
    "densenet",
    "efficientnet",
    "efficientnet_lite",
    "imagenet_utils",
    "lenet",
    "mobilenet",
    "mobilenet_v2",
    "mobilenet_v3",
    "resnet",
    "resnet_v2",
    "unet",
    "vgg",
]
