#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "cnnx/conv2d.hpp"
#include "cnnx/memory.hpp"
#include "cnnx/runtime.hpp"

namespace py = pybind11;

namespace cnnx::bindings {
namespace {

#ifdef __clang__
constexpr const char* kCompiler = "Clang " __clang_version__;
#else
constexpr const char* kCompiler = "GCC " __VERSION__;
#endif

py::dict build_info() {
  py::dict info;
  info["version"] = CNNX_VERSION;
  info["compiler"] = kCompiler;
  info["build_type"] = CNNX_BUILD_TYPE;
  info["openmp"] = CNNX_OPENMP_VERSION;
  return info;
}

// An array whose memory is allocate's.
py::array_t<uint8_t> empty(py::ssize_t bytes) {
  if (bytes < 0) throw py::value_error("empty: bytes must not be negative");
  auto memory = std::make_unique<Memory>(allocate(static_cast<size_t>(bytes)));
  auto* const data = static_cast<uint8_t*>(memory->get());
  const py::capsule owner(memory.get(), [](void* kept) { delete static_cast<Memory*>(kept); });
  memory.release();
  return py::array_t<uint8_t>(bytes, data, owner);
}

// Lets Python's signal handlers run, which work in its main thread alone: Ctrl-C raises there.
unsigned long main_thread = 0;

void run_signal_handlers() {
  if (PyThread_get_thread_ident() != main_thread) return;
  const py::gil_scoped_acquire acquired;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

}  // namespace

void bind_runtime(py::module_& m) {
  try {
    // They read CNNX_ISA and CNNX_CONV_ALGORITHM: a wrong value is an error of the import.
    active_isa();
    conv_algorithm();
  } catch (const std::invalid_argument& error) {
    throw py::import_error(error.what());
  }
  main_thread =
      py::module_::import("threading").attr("main_thread")().attr("ident").cast<unsigned long>();
  set_interruption_check(run_signal_handlers);
  m.attr("__version__") = CNNX_VERSION;
  m.def("num_threads", num_threads);
  m.def(
      "set_num_threads",
      [](int n) {
        if (n < 0) {
          throw py::value_error("set_num_threads: n must be positive, or 0 for the default, got " +
                                std::to_string(n));
        }
        set_num_threads(n);
      },
      py::arg("n"));
  m.def("available_isas", available_isas);
  m.def("active_isa", active_isa);
  m.def("set_isa", set_isa, py::arg("name"));
  m.def("conv_algorithm", conv_algorithm);
  m.def("set_conv_algorithm", set_conv_algorithm, py::arg("name"));
  m.def("build_info", build_info);
  m.def("empty", empty, py::arg("bytes"));
  m.def("release_free_memory", release_free_memory);
}

}  // namespace cnnx::bindings
