#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace cnnx {

// A network in use, from a file that `model.export_program(path, batch_size)` made in Python: its
// operations with their arguments, run one after the other without Python. Outputs are those of
// `model.predict` with the same batch size, bit by bit on the same instruction set.
class Program {
 public:
  // Throws std::runtime_error, which names the file, if it holds no program of this version, or is
  // damaged: whatever it holds, nothing outside its own arrays is ever read or written.
  explicit Program(const std::string& path);
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  // A sample is the first axis: (batch_size, ...).
  using Shape = std::vector<int64_t>;
  int64_t batch_size() const;
  const std::vector<Shape>& input_shapes() const;
  const std::vector<Shape>& output_shapes() const;

  // Reads and writes contiguous arrays of these shapes. Not for two threads at once: each of them
  // takes a program of its own. Throws std::bad_alloc.
  void run(const std::vector<const float*>& inputs, const std::vector<float*>& outputs);
  // Of one input and one output: batch_size samples, one after the other. Throws
  // std::invalid_argument for another number of floats.
  std::vector<float> predict(const std::vector<float>& samples);

 private:
  struct Content;
  std::unique_ptr<Content> content_;
};

}  // namespace cnnx
