"""Data files, folders of pictures, and labels as numbers."""

from cnnx.data.array_stream import ArrayStream
from cnnx.data.batch_stream import MappedStream
from cnnx.data.encoding import LabelEncoder, OneHotEncoder
from cnnx.data.idx import read_idx, write_idx
from cnnx.data.image_folder import ImageFolder, image_folder
from cnnx.data.image_stream import ImageStream
from cnnx.data.pictures import load_image

__all__ = [
    "ArrayStream",
    "ImageFolder",
    "ImageStream",
    "LabelEncoder",
    "MappedStream",
    "OneHotEncoder",
    "image_folder",
    "load_image",
    "read_idx",
    "write_idx",
]
