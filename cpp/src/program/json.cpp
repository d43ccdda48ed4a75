#include "program/json.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace cnnx {

// A reader of one text, from a place in it on.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  Json whole() {
    Json value = read(0);
    skip_blanks();
    check(at_ == text_.size(), "there is more after its end");
    return value;
  }

 private:
  [[noreturn]] void fail(const char* problem) const {
    throw std::invalid_argument(std::string("the JSON is damaged at byte ") + std::to_string(at_) +
                                ": " + problem);
  }
  void check(bool condition, const char* problem) const {
    if (!condition) fail(problem);
  }

  void skip_blanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos) ++at_;
  }
  char peek() {
    skip_blanks();
    check(at_ < text_.size(), "it ends too early");
    return text_[at_];
  }
  void expect(std::string_view word) {
    check(text_.substr(at_, word.size()) == word, "another character was expected");
    at_ += word.size();
  }

  Json read(int depth) {
    check(depth < Json::kMostDepth, "it is nested too deep");
    Json json;
    switch (peek()) {
      case 'n':
        expect("null");
        break;
      case 't':
        expect("true");
        json.value_ = true;
        break;
      case 'f':
        expect("false");
        json.value_ = false;
        break;
      case '"':
        json.value_ = read_text();
        break;
      case '[':
        json.value_ = read_list(depth);
        break;
      case '{':
        json.value_ = read_fields(depth);
        break;
      default:
        json.value_ = read_number();
    }
    return json;
  }

  int64_t read_number() {
    int64_t number = 0;
    const char* const end = text_.data() + text_.size();
    const auto [stop, error] = std::from_chars(text_.data() + at_, end, number);
    check(error == std::errc{}, "a whole number was expected");
    at_ = static_cast<size_t>(stop - text_.data());
    return number;
  }

  // Without the \u of other characters than those of ASCII, which no name of ours has.
  std::string read_text() {
    expect("\"");
    std::string text;
    for (;; ++at_) {
      check(at_ < text_.size(), "a text has no end");
      const char c = text_[at_];
      check(static_cast<unsigned char>(c) >= 0x20, "a text holds a control character");
      if (c == '"') break;
      text += c == '\\' ? read_escaped() : c;
    }
    ++at_;
    return text;
  }
  char read_escaped() {
    ++at_;
    check(at_ < text_.size(), "a text has no end");
    constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    if (const size_t i = kLetters.find(text_[at_]); i != kLetters.npos) return kMeanings[i];
    unsigned code = 0x80;
    if (text_[at_] == 'u' && at_ + 4 < text_.size()) {
      const char* const digits = text_.data() + at_ + 1;
      const auto [stop, error] = std::from_chars(digits, digits + 4, code, 16);
      if (error != std::errc{} || stop != digits + 4) code = 0x80;
    }
    check(code < 0x80, "a text holds an escape that is not ASCII");
    at_ += 4;
    return static_cast<char>(code);
  }

  Json::List read_list(int depth) {
    Json::List list;
    expect("[");
    if (peek() == ']') return expect("]"), list;
    for (;;) {
      list.push_back(read(depth + 1));
      if (peek() == ']') return expect("]"), list;
      expect(",");
    }
  }
  Json::Fields read_fields(int depth) {
    Json::Fields fields;
    expect("{");
    if (peek() == '}') return expect("}"), fields;
    for (;;) {
      check(peek() == '"', "a name was expected");
      std::string name = read_text();
      check(peek() == ':', "a colon was expected");
      expect(":");
      fields.emplace_back(std::move(name), read(depth + 1));
      if (peek() == '}') break;
      expect(",");
      peek();
    }
    expect("}");
    // In order of their names, so that each is found soon, and none stands there twice.
    const auto less = [](const auto& a, const auto& b) { return a.first < b.first; };
    std::ranges::sort(fields, less);
    const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
    check(std::ranges::adjacent_find(fields, same) == fields.end(), "a field stands there twice");
    return fields;
  }

  std::string_view text_;
  size_t at_ = 0;
};

Json Json::parse(std::string_view text) { return JsonReader(text).whole(); }

const Json* Json::find(std::string_view name) const {
  const Fields& all = fields();
  const auto found = std::ranges::lower_bound(
      all, name, {}, [](const auto& field) { return std::string_view(field.first); });
  return found != all.end() && found->first == name ? &found->second : nullptr;
}

const Json& Json::operator[](std::string_view name) const {
  if (const Json* const field = find(name)) return *field;
  throw std::invalid_argument("there is no field '" + std::string(name) + "'");
}

void Json::fail(const char* kind) { throw std::invalid_argument(std::string("it is not ") + kind); }

}  // namespace cnnx
