#pragma once

#include <cstdint>

namespace cnnx {

// What a recorded operation reads: an array that stays, or an input, which is another array in each
// run.
template <typename T>
class Source {
 public:
  Source(const T* data = nullptr) : data_(data) {}
  // Bytes `offset` on of the array that *input points to.
  Source(const char* const* input, int64_t offset) : input_(input), offset_(offset) {}
  operator const T*() const {
    return input_ == nullptr ? data_ : reinterpret_cast<const T*>(*input_ + offset_);
  }
  // Null where it reads an array that stays.
  const char* const* input() const { return input_; }
  int64_t offset() const { return offset_; }

 private:
  const T* data_ = nullptr;
  const char* const* input_ = nullptr;
  int64_t offset_ = 0;
};

}  // namespace cnnx
