#include "cnnx/program.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <stdexcept>

#include "program/call_reader.hpp"
#include "program/call_table.hpp"
#include "program/json.hpp"

namespace cnnx {
namespace {

constexpr int64_t kFormat = 1;
constexpr int64_t kMostMemory = int64_t{1} << 36;

Program::Shape shape_of(const Json& json) {
  Program::Shape shape;
  for (const Json& extent : json.list()) shape.push_back(extent.number());
  return shape;
}

}  // namespace

struct Program::Content {
  explicit Content(const std::string& path);

  ProgramArrays arrays;
  std::vector<Shape> outputs;
  std::vector<Source<float>> results;
  std::vector<std::function<void()>> operations;
};

namespace {

std::function<void()> read_call(ProgramArrays& arrays, const Json& json) {
  std::function<void()> operation;
  const std::string& name = json["operation"].text();
  with_call(name, [&](auto call) {
    CallReader reader(arrays, json);
    try {
      call.describe(reader);
    } catch (const std::invalid_argument& error) {
      fail(name + ": " + error.what());
    }
    operation = std::move(call);
  });
  if (!operation) fail("the operation '" + name + "' is unknown");
  return operation;
}

void zero(Memory& memory, int64_t bytes) {
  memory = allocate(static_cast<size_t>(std::max<int64_t>(bytes, 1)));
  std::memset(memory.get(), 0, static_cast<size_t>(bytes));
}

}  // namespace

Program::Content::Content(const std::string& path)
    : arrays{.file = TensorFile(path), .inputs = {}, .places = {}, .memory = {}} {
  const Json json = Json::parse(arrays.file.metadata("cnnx.program"));
  if (const int64_t format = json["format"].number(); format != kFormat) {
    fail("it has format " + std::to_string(format) + ", this version of cnnx reads " +
         std::to_string(kFormat));
  }
  for (const Json& shape : json["inputs"].list()) {
    arrays.inputs.push_back(shape_of(shape));
    if (arrays.inputs.back().empty() || arrays.inputs.back()[0] != arrays.inputs[0][0]) {
      fail("all inputs must have the same number of samples");
    }
    product(arrays.inputs.back(), sizeof(float));
  }
  if (arrays.inputs.empty()) fail("it has no input");
  arrays.places.resize(arrays.inputs.size());
  arrays.memory_size = json["memory"].number();
  if (arrays.memory_size < 0 || arrays.memory_size > kMostMemory) {
    fail("its memory is out of range");
  }
  zero(arrays.memory, arrays.memory_size);
  for (const Json& output : json["outputs"].list()) {
    outputs.push_back(shape_of(output["shape"]));
    CallReader reader(arrays, output);
    results.push_back(reader.at(output["at"], product(outputs.back(), sizeof(float))));
  }
  for (const Json& call : json["calls"].list()) operations.push_back(read_call(arrays, call));
}

Program::Program(const std::string& path) {
  try {
    content_ = std::make_unique<Content>(path);
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error(path + ": holds no program that can be run: " + error.what() +
                             ". Make it again with model.export_program().");
  }
}
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;

int64_t Program::batch_size() const { return content_->arrays.inputs[0][0]; }
const std::vector<Program::Shape>& Program::input_shapes() const { return content_->arrays.inputs; }
const std::vector<Program::Shape>& Program::output_shapes() const { return content_->outputs; }

void Program::run(const std::vector<const float*>& inputs, const std::vector<float*>& outputs) {
  Content& content = *content_;
  if (inputs.size() != content.arrays.inputs.size() || outputs.size() != content.outputs.size()) {
    fail("Program::run: there must be " + std::to_string(content.arrays.inputs.size()) +
         " inputs and " + std::to_string(content.outputs.size()) + " outputs");
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    content.arrays.places[i] = reinterpret_cast<const char*>(inputs[i]);
  }
  for (const std::function<void()>& operation : content.operations) operation();
  for (size_t i = 0; i < outputs.size(); ++i) {
    std::copy_n(static_cast<const float*>(content.results[i]), product(content.outputs[i]),
                outputs[i]);
  }
}

std::vector<float> Program::predict(const std::vector<float>& samples) {
  const Content& content = *content_;
  if (content.arrays.inputs.size() != 1 || content.outputs.size() != 1 ||
      static_cast<int64_t>(samples.size()) != product(content.arrays.inputs[0])) {
    fail("Program::predict: takes " + std::to_string(product(content.arrays.inputs[0])) +
         " floats of a program with one input and one output");
  }
  std::vector<float> result(static_cast<size_t>(product(content.outputs[0])));
  run({samples.data()}, {result.data()});
  return result;
}

}  // namespace cnnx
