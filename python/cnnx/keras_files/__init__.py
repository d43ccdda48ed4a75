"""Models and weights from files of Keras, without Keras."""
