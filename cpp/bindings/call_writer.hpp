#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <bit>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "program/calls.hpp"

namespace py = pybind11;

namespace cnnx::bindings {

// Writes what a call describes (src/program/calls.hpp) to a dict, as a program's file will hold it,
// but for the arrays: one that lies in an input is ("input.<number>", offset in bytes), any other
// is (address, bytes, whether it is written). Weights with a scale are an array.
class CallWriter {
 public:
  CallWriter(const char* operation, const std::vector<const char*>& places)
      : operation_(operation), places_(&places) {}

  py::dict fields;

  void number(const char* name, int64_t& value, int64_t least = 1) {
    require(value >= least && value <= INT32_MAX, name);
    fields[name] = value;
  }
  void size(const char* name, int64_t& value) { fields[name] = value; }
  void flag(const char* name, bool& value) { fields[name] = value; }
  void real(const char* name, float& value) { fields[name] = std::bit_cast<uint32_t>(value); }
  void reals(const char* name, std::vector<float>& values) {
    py::list bits;
    for (const float value : values) bits.append(std::bit_cast<uint32_t>(value));
    fields[name] = bits;
  }
  void activation(Activation& of_sum) {
    fields["activation"] = name_of(of_sum.kind);
    std::vector<float> parameters(std::begin(of_sum.parameters), std::end(of_sum.parameters));
    reals("parameters", parameters);
  }
  template <typename Item>
  void list(const char* name, std::vector<Item>& items) {
    py::list written;
    for (Item& item : items) {
      CallWriter writer(operation_, *places_);
      item.describe(writer);
      written.append(writer.fields);
    }
    fields[name] = written;
  }

  using Sizes = std::span<const int64_t>;
  using List = std::initializer_list<int64_t>;  // no span before C++26
  void input(const char* name, Source<float>& source, Sizes shape) {
    fields[name] = place(source, elements(shape));
  }
  void optional_input(const char* name, Source<float>& source, Sizes shape) {
    fields[name] = source == nullptr ? py::object(py::none()) : place(source, elements(shape));
  }
  // Of a convolution, in the scale that a file does not hold.
  void weights(Source<float>& source, List shape, std::shared_ptr<PreparedWeights>& prepared) {
    const int64_t floats = elements(shape);
    if (prepared == nullptr || prepared->scale() == nullptr) {
      input("weights", source, shape);
    } else {
      py::array_t<float> scaled(floats);
      prepared->write_scaled(source, floats, scaled.mutable_data());
      fields["weights"] = scaled;
    }
  }
  void inputs(const char* name, Sources& sources, int64_t n) {
    py::list written;
    for (const Source<float>& source : sources.sources) written.append(place(source, n));
    fields[name] = written;
  }
  void numbers_below(const char* name, Source<int32_t>& source,
                     std::initializer_list<int64_t> shape, int64_t) {
    const int32_t* const numbers = source;
    fields[name] = address(numbers, elements(shape), false);
  }
  void output(const char* name, float*& data, Sizes shape) {
    fields[name] = address(data, elements(shape), true);
  }
  void input(const char* name, Source<float>& source, List shape) {
    input(name, source, Sizes(shape.begin(), shape.size()));
  }
  void optional_input(const char* name, Source<float>& source, List shape) {
    optional_input(name, source, Sizes(shape.begin(), shape.size()));
  }
  void output(const char* name, float*& data, List shape) {
    output(name, data, Sizes(shape.begin(), shape.size()));
  }

  int64_t elements(Sizes shape) const {
    int64_t product = 1;
    for (const int64_t size : shape) product *= size;
    return product;
  }
  int64_t elements(List shape) const { return elements(Sizes(shape.begin(), shape.size())); }
  void require(bool condition, const char* rule) const {
    if (!condition)
      throw py::value_error("export_program: " + std::string(operation_) + ": " + rule);
  }

 private:
  static py::object address(const void* data, int64_t elements, bool written) {
    return py::make_tuple(reinterpret_cast<uintptr_t>(data),
                          elements * static_cast<int64_t>(sizeof(float)), written);
  }
  py::object place(const Source<float>& source, int64_t elements) const {
    if (source.input() == nullptr) return address(source, elements, false);
    const auto number = source.input() - places_->data();
    return py::make_tuple("input." + std::to_string(number), source.offset());
  }

  const char* operation_;
  const std::vector<const char*>* places_;
};

template <typename Work>
concept is_call = requires(Work work, CallWriter writer) { work.describe(writer); };

template <typename Call>
py::dict written(const char* operation, Call call, const std::vector<const char*>& places) {
  CallWriter writer(operation, places);
  writer.fields["operation"] = Call::name();
  call.describe(writer);
  return writer.fields;
}

}  // namespace cnnx::bindings
