#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "program/calls.hpp"
#include "program/json.hpp"
#include "program/tensor_file.hpp"

namespace cnnx {

[[noreturn]] inline void fail(const std::string& problem) { throw std::invalid_argument(problem); }

// The product of sizes that are not negative, in bytes if they are those of elements.
inline int64_t product(std::span<const int64_t> sizes, int64_t bytes = 1) {
  int64_t most = bytes, result = bytes;  // no part of the product may be too large either
  for (const int64_t size : sizes) {
    if (size < 0 || __builtin_mul_overflow(most, std::max<int64_t>(size, 1), &most)) {
      fail("the size " + std::to_string(size) + " is out of range");
    }
    result *= size;
  }
  return result;
}

// Where the arrays of a program lie.
struct ProgramArrays {
  TensorFile file;                           // of weights
  std::vector<std::vector<int64_t>> inputs;  // their shapes
  std::vector<const char*> places;           // of the inputs, in a run
  Memory memory;                             // of everything else
  int64_t memory_size = 0;
};

// Sets the arguments of a call to what a file says, and checks them.
class CallReader {
 public:
  CallReader(ProgramArrays& arrays, const Json& call) : arrays_(arrays), call_(call) {}

  void number(const char* name, int64_t& value, int64_t least = 1) {
    value = call_[name].number();
    if (value < least || value > INT32_MAX) {
      fail(std::string(name) + " must be at least " + std::to_string(least) +
           " and less than 2^31, not " + std::to_string(value));
    }
  }
  void size(const char* name, int64_t& value) {
    value = call_[name].number();
    product({&value, 1});
  }
  void flag(const char* name, bool& value) { value = call_[name].boolean(); }
  // By its bits, which no way of writing decimals can change.
  static float real(const Json& bits) {
    const int64_t number = bits.number();
    if (number < 0 || number > UINT32_MAX) fail("a float has 32 bits");
    return std::bit_cast<float>(static_cast<uint32_t>(number));
  }
  void real(const char* name, float& value) { value = real(call_[name]); }
  void reals(const char* name, std::vector<float>& values) {
    for (const Json& value : call_[name].list()) values.push_back(real(value));
  }
  void activation(Activation& of_sum) {
    const std::string& name = call_["activation"].text();
    const std::optional<ActivationKind> kind = activation_named(name);
    if (!kind) fail("the activation '" + name + "' is unknown");
    of_sum.kind = *kind;
    std::vector<float> parameters;
    reals("parameters", parameters);
    if (parameters.size() != std::size(of_sum.parameters)) fail("there must be 3 parameters");
    std::ranges::copy(parameters, of_sum.parameters);
  }
  template <typename Item>
  void list(const char* name, std::vector<Item>& items) {
    for (const Json& json : call_[name].list()) {
      CallReader fields(arrays_, json);
      items.emplace_back().describe(fields);
    }
  }

  using Extents = std::span<const int64_t>;
  using Sizes = std::initializer_list<int64_t>;  // no span before C++26
  void input(const char* name, Source<float>& source, Extents shape) {
    source = at(call_[name], product(shape, sizeof(float)));
  }
  void optional_input(const char* name, Source<float>& source, Extents shape) {
    if (!call_[name].is_null()) input(name, source, shape);
  }
  void inputs(const char* name, Sources& sources, int64_t n) {
    for (const Json& place : call_[name].list()) {
      sources.add(at(place, product({&n, 1}, sizeof(float))));
    }
    require(!sources.sources.empty(), "there must be a source");
  }
  // Numbers of pixels, which must not change afterwards: in a tensor, not in the memory.
  void numbers_below(const char* name, Source<int32_t>& source, Sizes shape, int64_t limit) {
    const int64_t count = elements(shape);
    const Source<float> found = at(call_[name], product({&count, 1}, sizeof(int32_t)));
    if (call_[name].list()[0].text() == "memory" || found.input() != nullptr)
      fail("numbers of pixels lie in a tensor");
    const float* const data = found;
    const auto* const numbers = reinterpret_cast<const int32_t*>(data);
    for (int64_t i = 0; i < count; ++i) {
      require(numbers[i] >= 0 && numbers[i] < limit, "a number of a pixel lies outside the image");
    }
    source = numbers;
  }
  void output(const char* name, float*& data, Extents shape) {
    const float* const found = at(call_[name], product(shape, sizeof(float)));
    if (call_[name].list()[0].text() != "memory") fail("results must lie in the memory");
    data = const_cast<float*>(found);
  }
  void input(const char* name, Source<float>& source, Sizes shape) {
    input(name, source, Extents(shape.begin(), shape.size()));
  }
  void optional_input(const char* name, Source<float>& source, Sizes shape) {
    optional_input(name, source, Extents(shape.begin(), shape.size()));
  }
  void output(const char* name, float*& data, Sizes shape) {
    output(name, data, Extents(shape.begin(), shape.size()));
  }

  void weights(Source<float>& source, Sizes shape, std::shared_ptr<PreparedWeights>& prepared) {
    input("weights", source, shape);
    prepared = std::make_shared<PreparedWeights>();
  }

  int64_t elements(Sizes shape) { return product({shape.begin(), shape.size()}); }
  void require(bool condition, const char* rule) {
    if (!condition) fail(rule);
  }

  // So many bytes at a place in the memory, in an input, or in a tensor of the file.
  Source<float> at(const Json& place, int64_t bytes) {
    if (place.list().size() != 2) fail("an array has a place of two parts");
    const std::string& where = place.list()[0].text();
    const int64_t offset = place.list()[1].number();
    const auto check = [&](int64_t size) {
      if (offset < 0 || offset > size || bytes > size - offset || offset % sizeof(float) != 0) {
        fail("an array of " + std::to_string(bytes) + " bytes does not fit into " + where);
      }
    };
    if (where == "memory") {
      check(arrays_.memory_size);
      return reinterpret_cast<const float*>(static_cast<char*>(arrays_.memory.get()) + offset);
    }
    for (size_t i = 0; i < arrays_.inputs.size(); ++i) {
      if (where != "input." + std::to_string(i)) continue;
      check(product(arrays_.inputs[i], sizeof(float)));
      return {&arrays_.places[i], offset};
    }
    const Bytes tensor = arrays_.file.tensor(where);
    check(tensor.size);
    if (reinterpret_cast<uintptr_t>(tensor.data) % sizeof(float) != 0) {
      fail("the tensor " + where + " is not aligned");
    }
    return reinterpret_cast<const float*>(tensor.data + offset);
  }

 private:
  ProgramArrays& arrays_;
  const Json& call_;
};

}  // namespace cnnx
