#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace cnnx::bindings {

// What an operation reads: an array that stays, or, in a program that records the operation, an
// input, which is another array in each run.
template <typename T>
class Source {
 public:
  Source(const T* data = nullptr) : data_(data) {}
  Source(const char* const* input, int64_t offset) : input_(input), offset_(offset) {}
  operator const T*() const {
    return input_ == nullptr ? data_ : reinterpret_cast<const T*>(*input_ + offset_);
  }

 private:
  const T* data_ = nullptr;
  const char* const* input_ = nullptr;
  int64_t offset_ = 0;
};

// Operations with their arguments: recorded while Python calls them once, and run again, in one
// call, without Python. It holds the arrays that they read and write, but for the inputs.
class Program {
 public:
  // Records what this thread does until end(). What it reads of `inputs`, which share no memory,
  // will be read of those of each run.
  void begin(const std::vector<py::array>& inputs);
  void end();
  // What this thread records now, or null.
  static Program* recording();

  template <typename T>
  Source<T> source(const py::array& array) {
    const auto* const data = static_cast<const char*>(array.data());
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const int64_t offset = data - inputs_[i].data;
      if (offset >= 0 && offset < inputs_[i].bytes) return {&places_[i], offset};
    }
    held_.push_back(array);
    return static_cast<const T*>(array.data());
  }
  void hold(const py::array& array) { held_.push_back(array); }
  void add(std::function<void()> operation) { operations_.push_back(std::move(operation)); }

  // Throws where inputs are not of the types and sizes of the recording.
  void run(const py::args& inputs);

 private:
  struct Input {
    const char* data;
    int64_t bytes;
  };
  std::vector<Input> inputs_;  // of the recording
  std::vector<const char*> places_;
  std::vector<std::function<void()>> operations_;
  std::vector<py::array> held_;
  Program* outer_ = nullptr;
};

}  // namespace cnnx::bindings
