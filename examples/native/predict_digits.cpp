// Recognises digits with a network that was trained in Python, without Python:
//
//   model.export_program("digits.program")  # in Python, a sample at a time
//   x_test[:20].astype("float32").tofile("digits.f32")
//
//   build/examples/predict_digits digits.program digits.f32 [predicted.f32]
//
// Prints the most likely class of each image; predicted.f32 gets the probabilities of all classes.
// train_stripes.cpp says how it is built.

#include <algorithm>
#include <cnnx/program.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <vector>

int main(int count, char** arguments) try {
  if (count < 3) return std::puts("usage: predict_digits PROGRAM IMAGES [PREDICTED]"), 2;
  cnnx::Program program(arguments[1]);
  std::ifstream images(arguments[2], std::ios::binary);
  std::ofstream predicted(count > 3 ? arguments[3] : "", std::ios::binary);
  size_t floats = 1;
  for (const int64_t extent : program.input_shapes()[0]) floats *= static_cast<size_t>(extent);
  std::vector<float> image(floats);
  while (images.read(reinterpret_cast<char*>(image.data()),
                     static_cast<std::streamsize>(floats * sizeof(float)))) {
    const std::vector<float> shares = program.predict(image);
    const auto best = std::ranges::max_element(shares);
    std::printf("%d  %.1f %%\n", static_cast<int>(best - shares.begin()), 100.0 * *best);
    predicted.write(reinterpret_cast<const char*>(shares.data()),
                    static_cast<std::streamsize>(shares.size() * sizeof(float)));
  }
} catch (const std::exception& error) {
  return std::fprintf(stderr, "predict_digits: %s\n", error.what()), 1;
}
