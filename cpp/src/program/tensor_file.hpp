#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cnnx/memory.hpp"
#include "program/json.hpp"

namespace cnnx {

// Some bytes of memory.
struct Bytes {
  char* data;
  int64_t size;
};

// A safetensors file, read into memory: what a stranger changes in it or cuts off later does no
// harm. Throws std::invalid_argument for one that is damaged.
class TensorFile {
 public:
  explicit TensorFile(const std::string& path);

  // A text of its metadata.
  const std::string& metadata(std::string_view name) const;
  // Where a tensor lies.
  Bytes tensor(std::string_view name) const;

 private:
  Memory content_;
  int64_t size_ = 0;
  Json header_;
};

}  // namespace cnnx
