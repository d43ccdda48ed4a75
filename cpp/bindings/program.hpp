#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "call_writer.hpp"
#include "program/source.hpp"

namespace py = pybind11;

namespace cnnx::bindings {

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
  // Work, and, for a file, the call that it is, if it is one of calls.hpp.
  template <typename Work>
  void add(const char* name, const Work& work) {
    if constexpr (is_call<Work>) {
      add(name, work, [name, work, this] { return written(name, work, places_); });
    } else {
      add(name, work, nullptr);
    }
  }

  // Throws where inputs are not of the types and sizes of the recording.
  void run(const py::args& inputs);
  // The calls by their names, see call_writer.hpp. Throws for one that no file can hold.
  std::vector<py::dict> calls() const;
  // What they read and write, but for the inputs.
  const std::vector<py::array>& arrays() const { return held_; }

 private:
  struct Input {
    const char* data;
    int64_t bytes;
  };
  struct Operation {
    const char* name;
    std::function<void()> work;
    std::function<py::dict()> describe;  // or null
  };
  void add(const char* name, std::function<void()> work, std::function<py::dict()> describe);

  std::vector<Input> inputs_;  // of the recording
  std::vector<const char*> places_;
  std::vector<Operation> operations_;
  std::vector<py::array> held_;
  Program* outer_ = nullptr;
};

}  // namespace cnnx::bindings
