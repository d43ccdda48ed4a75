#include "program.hpp"

#include <pybind11/stl.h>

#include "array_view.hpp"
#include "cnnx/runtime.hpp"

namespace cnnx::bindings {
namespace {

thread_local Program* current = nullptr;

}  // namespace

Program* Program::recording() { return current; }

void Program::begin(const std::vector<py::array>& inputs) {
  for (const py::array& input : inputs) {
    inputs_.push_back({static_cast<const char*>(input.data()), input.nbytes()});
    places_.push_back(inputs_.back().data);
  }
  outer_ = std::exchange(current, this);  // a signal handler may record within a recording
}

void Program::end() { current = outer_; }

void Program::run(const py::args& inputs) {
  const Arguments args("Program.run");
  args.require(
      inputs.size() == inputs_.size(), "inputs",
      "must be " + std::to_string(inputs_.size()) + ", got " + std::to_string(inputs.size()));
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const auto array = inputs[i].cast<py::array>();
    args.input<float>(array, "inputs", shape_of(array));
    args.require(array.nbytes() == inputs_[i].bytes, "inputs", "must have the recorded sizes");
    places_[i] = static_cast<const char*>(array.data());
  }
  const GilRelease release;  // the arrays are held by the caller's frame
  for (const std::function<void()>& operation : operations_) {
    operation();
    check_interruption();
  }
}

void bind_program(py::module_& m) {
  py::class_<Program>(m, "Program")
      .def(py::init<>())
      .def("begin", &Program::begin, py::arg("inputs"))
      .def("end", &Program::end)
      .def("run", &Program::run);
}

}  // namespace cnnx::bindings
