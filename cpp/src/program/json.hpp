#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace cnnx {

// What a JSON text holds, of numbers only whole ones that an int64_t can be. What it is asked for
// and is not throws std::invalid_argument.
class Json {
 public:
  using List = std::vector<Json>;
  using Fields = std::vector<std::pair<std::string, Json>>;

  // Throws std::invalid_argument for anything but one such value. Of a stranger's text, it takes no
  // more memory than a multiple of its length, and no deeper stack than kMostDepth levels.
  static Json parse(std::string_view text);
  static constexpr int kMostDepth = 16;

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  bool boolean() const { return as<bool>("true or false"); }
  int64_t number() const { return as<int64_t>("a whole number"); }
  const std::string& text() const { return as<std::string>("a text"); }
  const List& list() const { return as<List>("a list"); }
  const Fields& fields() const { return as<Fields>("an object"); }
  // A field of an object.
  const Json& operator[](std::string_view name) const;
  const Json* find(std::string_view name) const;

 private:
  friend class JsonReader;
  template <typename T>
  const T& as(const char* kind) const {
    if (const T* const value = std::get_if<T>(&value_)) return *value;
    fail(kind);
  }
  [[noreturn]] static void fail(const char* kind);

  std::variant<std::nullptr_t, bool, int64_t, std::string, List, Fields> value_ = nullptr;
};

}  // namespace cnnx
