"""Data files, folders of pictures, and labels as numbers."""

from cnnx.data.encoding import LabelEncoder, OneHotEncoder
from cnnx.data.idx import read_idx, write_idx
from cnnx.data.image_folder import ImageFolder, ImageStream, image_folder

__all__ = [
    "ImageFolder",
    "ImageStream",
    "LabelEncoder",
    "OneHotEncoder",
    "image_folder",
    "read_idx",
    "write_idx",
]
