#include "program/tensor_file.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace cnnx {
namespace {

constexpr int64_t kMostHeader = int64_t{64} << 20;

void check(bool condition, const char* problem) {
  if (!condition) throw std::invalid_argument(problem);
}

// 8 bytes, the least significant first.
int64_t length_in(std::ifstream& file) {
  unsigned char bytes[8];
  check(bool(file.read(reinterpret_cast<char*>(bytes), sizeof(bytes))), "it is too short");
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | bytes[i];
  check(length <= static_cast<uint64_t>(kMostHeader), "its header is too long");
  return static_cast<int64_t>(length);
}

}  // namespace

TensorFile::TensorFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  check(file.is_open(), "it cannot be opened");
  const int64_t whole = file.tellg();
  check(whole >= 0, "it is not a regular file");
  file.seekg(0);
  const int64_t header = length_in(file);
  check(header <= whole - 8, "its header is cut off");
  std::string text(static_cast<size_t>(header), '\0');
  size_ = whole - 8 - header;
  content_ = allocate(static_cast<size_t>(std::max<int64_t>(size_, 1)));
  check(file.read(text.data(), header) && file.read(static_cast<char*>(content_.get()), size_),
        "it cannot be read");
  header_ = Json::parse(text);
}

const std::string& TensorFile::metadata(std::string_view name) const {
  return header_["__metadata__"][name].text();
}

Bytes TensorFile::tensor(std::string_view name) const {
  const Json::List& ends = header_[name]["data_offsets"].list();
  check(ends.size() == 2, "a tensor has no two offsets");
  const int64_t begin = ends[0].number(), end = ends[1].number();
  check(0 <= begin && begin <= end && end <= size_, "a tensor lies outside the file");
  return {static_cast<char*>(content_.get()) + begin, end - begin};
}

}  // namespace cnnx
