#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "gil_release.hpp"
#include "program.hpp"

namespace py = pybind11;

namespace cnnx::bindings {

using Pair = std::array<int64_t, 2>;
using OptionalArray = std::optional<py::array>;

inline std::vector<int64_t> shape_of(const py::array& array) {
  return {array.shape(), array.shape() + array.ndim()};
}

// A MemoryError that names the operation.
class OutOfMemory : public std::bad_alloc {
 public:
  explicit OutOfMemory(const char* operation) {
    std::snprintf(text_.data(), text_.size(),
                  "%s: no memory for what it keeps aside; smaller batches need less", operation);
  }
  const char* what() const noexcept override { return text_.data(); }

 private:
  std::array<char, 128> text_{};
};

// Turns NumPy arrays into pointers, or raises an error that names the operation, the argument and
// what was wrong. After these checks no kernel can read or write outside an array.
class Arguments {
 public:
  explicit Arguments(const char* operation) : operation_(operation) {}

  template <size_t Rank>
  std::array<int64_t, Rank> shape(const py::array& array, const char* name) const {
    if (array.ndim() != static_cast<py::ssize_t>(Rank)) {
      fail(name, "must have " + std::to_string(Rank) + " dimensions, got " +
                     std::to_string(array.ndim()));
    }
    std::array<int64_t, Rank> result;
    for (size_t i = 0; i < Rank; ++i) result[i] = array.shape(static_cast<py::ssize_t>(i));
    return result;
  }

  template <typename T>
  Source<T> input(const py::array& array, const char* name,
                  const std::vector<int64_t>& shape) const {
    check<T>(array, name, shape);
    if (Program* const program = Program::recording()) return program->source<T>(array);
    return static_cast<const T*>(array.data());
  }

  template <typename T>
  T* output(py::array& array, const char* name, const std::vector<int64_t>& shape) const {
    check<T>(array, name, shape);
    if (!array.writeable()) fail(name, "is read-only");
    if (Program* const program = Program::recording()) program->hold(array);
    return static_cast<T*>(array.mutable_data());
  }

  template <typename T>
  Source<T> input(const OptionalArray& array, const char* name,
                  const std::vector<int64_t>& shape) const {
    return array ? input<T>(*array, name, shape) : nullptr;
  }

  template <typename T>
  T* output(OptionalArray& array, const char* name, const std::vector<int64_t>& shape) const {
    return array ? output<T>(*array, name, shape) : nullptr;
  }

  // Does the work, without the GIL. The caller's frame holds the arrays.
  template <typename Work>
  void run(Work work) const {
    if (Program* const program = Program::recording()) program->add(operation_, work);
    const GilRelease release;
    try {
      work();
    } catch (const std::bad_alloc&) {
      throw OutOfMemory(operation_);
    }
  }

  void require(bool condition, const char* name, const std::string& problem) const {
    if (!condition) fail(name, problem);
  }

  // For operations that read an input again after they began to write.
  void apart(const py::array& output, const char* name, const py::array& input) const {
    const auto* out = static_cast<const char*>(output.data());
    const auto* in = static_cast<const char*>(input.data());
    require(out + output.nbytes() <= in || in + input.nbytes() <= out, name,
            "must not share memory with an input");
  }

  // A number of elements.
  int64_t product(std::initializer_list<int64_t> factors, const char* name) const {
    int64_t result = 1;
    for (int64_t factor : factors) {
      require(!__builtin_mul_overflow(result, factor, &result), name, "would be too large");
    }
    return result;
  }

  // Sizes, steps and padding: in [least, 2^31), so that the product of two of them is an int64_t.
  void in_range(const Pair& pair, int64_t least, const char* name) const {
    for (int64_t value : pair) {
      require(value >= least && value <= INT32_MAX, name,
              "must be at least " + std::to_string(least) + " and less than 2**31, got (" +
                  std::to_string(pair[0]) + ", " + std::to_string(pair[1]) + ")");
    }
  }

 private:
  template <typename T>
  void check(const py::array& array, const char* name, const std::vector<int64_t>& shape) const {
    if (!py::isinstance<py::array_t<T>>(array)) {  // also where the dtype came out of a pickle
      throw py::type_error(message(name, "must be " + std::string(py::str(py::dtype::of<T>())) +
                                             ", got " + std::string(py::str(array.dtype()))));
    }
    if (!(array.flags() & py::array::c_style)) fail(name, "must be C-contiguous");
    if (!(array.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_)) fail(name, "must be aligned");
    const std::vector<int64_t> got = shape_of(array);
    if (got != shape) fail(name, "must have shape " + format(shape) + ", got " + format(got));
  }

  static std::string format(const std::vector<int64_t>& shape) {
    std::string text = "(";
    for (int64_t extent : shape) text += std::to_string(extent) + ", ";
    if (shape.size() > 1) text.resize(text.size() - 2);
    return text + ")";
  }

  std::string message(const char* name, const std::string& problem) const {
    return std::string(operation_) + ": " + name + " " + problem;
  }
  [[noreturn]] void fail(const char* name, const std::string& problem) const {
    throw py::value_error(message(name, problem));
  }

  const char* operation_;
};

}  // namespace cnnx::bindings
