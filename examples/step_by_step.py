"""One convolution by hand: every product and every sum, forward and backward.

Run: python examples/step_by_step.py
"""

import numpy as np

from cnnx.explain import convolution_steps

print("A 2x2 kernel over a 3x3 image.\n")
image = [[1, 6, 2], [5, 3, 1], [7, 0, 4]]
kernel = [[1, 2], [-1, 0]]
print(convolution_steps(image, kernel, dy=[[1, 2], [3, 4]]))

print("\n\nThree channels and a bias.\n")
red = [[0.1, 0.1, 0.2], [0.7, 0.6, 0.7], [0.8, 0.8, 0.8]]
green = [[0.0, 0.3, 0.9], [1.0, 0.3, 0.7], [0.2, 0.1, 0.0]]
blue = [[0.2, 0.2, 0.7], [0.3, 0.5, 0.4], [0.5, 0.5, 0.7]]
cross = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
colours, crosses = np.dstack([red, green, blue]), np.dstack([cross] * 3)
print(convolution_steps(colours, crosses, bias=-3).forward())

print("\n\nA true convolution of a padded image: the way back.\n")
pixels = np.arange(1, 10).reshape(3, 3)
weights = [[1, 0, 2], [0, 3, 0], [4, 0, 5]]
errors = [[1, 0, -1], [2, 1, 0], [0, -2, 3]]
steps = convolution_steps(pixels, weights, dy=errors, mode="same", operation="convolution")
print(steps.backward())
