#include "program.hpp"

#include <pybind11/stl.h>

#include "array_view.hpp"
#include "cnnx/program.hpp"
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

void Program::add(const char* name, std::function<void()> work,
                  std::function<py::dict()> describe) {
  operations_.push_back({name, std::move(work), std::move(describe)});
}

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
  for (const Operation& operation : operations_) {
    try {
      operation.work();
    } catch (const std::bad_alloc&) {
      throw OutOfMemory(operation.name);
    }
    check_interruption();
  }
}

std::vector<py::dict> Program::calls() const {
  std::vector<py::dict> calls;
  for (const Operation& operation : operations_) {
    if (!operation.describe) {
      throw py::value_error("export_program: " + std::string(operation.name) +
                            ": a program has no such operation");
    }
    calls.push_back(operation.describe());
  }
  return calls;
}

void bind_program(py::module_& m) {
  py::class_<Program>(m, "Program")
      .def(py::init<>())
      .def("begin", &Program::begin, py::arg("inputs"))
      .def("end", &Program::end)
      .def("run", &Program::run)
      .def("calls", &Program::calls)
      .def("arrays", &Program::arrays);
  py::class_<cnnx::Program>(m, "ProgramFile")
      .def(py::init<const std::string&>(), py::arg("path"))
      .def("input_shapes", &cnnx::Program::input_shapes)
      .def("output_shapes", &cnnx::Program::output_shapes)
      .def(
          "run",
          [](cnnx::Program& program, const std::vector<py::array>& inputs,
             std::vector<py::array> outputs) {
            const Arguments args("ProgramFile.run");
            const auto &read = program.input_shapes(), &written = program.output_shapes();
            args.require(inputs.size() == read.size(), "inputs", "must be as many as the file's");
            args.require(outputs.size() == written.size(), "outputs",
                         "must be as many as the file's");
            std::vector<const float*> from;
            std::vector<float*> to;
            for (size_t i = 0; i < read.size(); ++i) {
              from.push_back(args.input<float>(inputs[i], "inputs", read[i]));
            }
            for (size_t i = 0; i < written.size(); ++i) {
              to.push_back(args.output<float>(outputs[i], "outputs", written[i]));
            }
            const GilRelease release;
            program.run(from, to);
          },
          py::arg("inputs"), py::arg("outputs"));
}

}  // namespace cnnx::bindings
