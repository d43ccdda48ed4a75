"""The network `numpy_cnn` without a framework: its operations on images in three ways."""
