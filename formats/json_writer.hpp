// JSON written from front to back into one text: what a recorder writes while it records.
//
// No tree is built, so a file costs its own length and nothing else; and where there is no memory left std::bad_alloc comes out of here as out of
// anything else. (A tree of nlohmann-json allocates in its destructor, which is noexcept: what should have been one bundle less was the end
// of the process.) Reading commands put trees together, to ask and to change them: formats/json_text.hpp.
//
//   json_file([&](JsonWriter& json) {
//     json.field("name", name);
//     json.array("rows", [&] { for (const auto& row : rows) json.item(row); });
//   });
//
// Bytes that are not UTF-8 become \xNN, numbers that are none become null. That a key stands once in its object is the caller's care. One document
// each. Throws std::bad_alloc only, and is then good for nothing but its destructor. Any thread, one at a time.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>

namespace fdr {

class JsonWriter {
 public:
  enum class Layout { kIndented, kLine };  // by two, or without any space

  explicit JsonWriter(Layout layout) : layout_(layout) {}

  template <std::invocable Members>
  void object(Members members) {
    open('{');
    members();
    close('}');
  }
  template <std::invocable Members>
  void object(std::string_view key, Members members) {
    name(key);
    object(members);
  }
  template <std::invocable Items>
  void array(Items items) {
    open('[');
    items();
    close(']');
  }
  template <std::invocable Items>
  void array(std::string_view key, Items items) {
    name(key);
    array(items);
  }

  template <class Value>
  void field(std::string_view key, const Value& value) {
    name(key);
    item(value);
  }

  void item(std::string_view text);
  void item(const char* text) { item(std::string_view(text)); }
  void item(const std::string& text) { item(std::string_view(text)); }
  void item(std::nullptr_t) { put("null"); }
  void item(bool value) { put(value ? "true" : "false"); }
  void item(double value);
  template <std::integral Integer>
  void item(Integer value) {
    put(std::to_string(value));
  }
  template <class Value>
  void item(const std::optional<Value>& value) {
    value ? item(*value) : item(nullptr);
  }
  template <std::ranges::input_range Values>  // an array, or of a map an object
  void item(const Values& values) {
    if constexpr (requires { typename Values::mapped_type; }) {
      object([&] {
        for (const auto& [key, value] : values) field(key, value);
      });
    } else {
      array([&] {
        for (const auto& value : values) item(value);
      });
    }
  }

  std::string text() &&;  // with a newline at the end

 private:
  void open(char bracket);
  void close(char bracket);
  void name(std::string_view key);
  void put(std::string_view value);  // after its comma, on its line
  void separate();
  void new_line();

  Layout layout_;
  std::string text_;
  std::size_t depth_ = 0;
  bool first_ = true;     // in its brackets
  bool named_ = false;    // the key is written, its value follows
};

// An object as a whole file, indented, its last line ended.
template <std::invocable<JsonWriter&> Members>
std::string json_file(Members members) {
  JsonWriter json(JsonWriter::Layout::kIndented);
  json.object([&] { members(json); });
  return std::move(json).text();
}

// An object as a row of NDJSON, its line ended.
template <std::invocable<JsonWriter&> Members>
std::string json_line(Members members) {
  JsonWriter json(JsonWriter::Layout::kLine);
  json.object([&] { members(json); });
  return std::move(json).text();
}

}  // namespace fdr
