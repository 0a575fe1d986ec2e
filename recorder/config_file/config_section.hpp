// Reading one table of the configuration key by key, with the place of everything that is wrong: "FILE:LINE:COLUMN: ...".
//
// Source knows where in the file things are, Section one table and which keys it may have; done() refuses the others with
// the nearest name. toml++ is named here only. Throws Error.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/error.hpp"
#include "formats/text.hpp"
#include "recorder/config/config.hpp"
#include "triggers/quantity.hpp"

// toml++ 3.3 asserts that a table header holds a key, and with NDEBUG assumes it: "[[[" in a file aborts, or is
// undefined behaviour. Its assertions are kept in every build, and throw.
namespace fdr {
struct TomlAssertion {};
[[noreturn]] inline void toml_assertion_failed() { throw TomlAssertion{}; }
}  // namespace fdr
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expression) ((expression) ? static_cast<void>(0) : ::fdr::toml_assertion_failed())
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

namespace fdr {

inline constexpr std::size_t kMaxListed = 256;  // tables of one kind in a file

inline std::string in_quotes(std::string_view text) { return "'" + printable(text) + "'"; }

inline const char* type_words(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
    case toml::node_type::floating_point:
      return "a number without a unit";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

// Where in the file things are, for messages.
class Source {
 public:
  Source(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  std::string place(const toml::source_region& region) const {
    return fmt::format("{}:{}:{}", name_, region.begin.line, region.begin.column);
  }
  [[noreturn]] void refuse(const toml::source_region& region, const std::string& what,
                           const std::string& hint = {}) const {
    throw Error(place(region) + ": " + what, hint);
  }

  // The place of a string's first character, behind its quotes: columns inside a condition are counted on from there
  // (exact as long as the string has no escapes and no line breaks).
  std::string place_inside(const toml::source_region& region, std::size_t offset = 0) const {
    const std::string_view line = line_at(region.begin.line);
    const std::size_t column = region.begin.column;
    const std::string_view value = column <= line.size() ? line.substr(column - 1) : std::string_view{};
    const bool triple = value.starts_with("\"\"\"") || value.starts_with("'''");
    if (triple && value.size() == 3) return fmt::format("{}:{}:1", name_, region.begin.line + 1);
    return fmt::format("{}:{}:{}", name_, region.begin.line, column + (triple ? 3 : 1) + offset);
  }

 private:
  std::string_view line_at(std::size_t number) const {
    std::string_view rest = text_;
    for (; number > 1; --number) {
      const std::size_t end = rest.find('\n');
      if (end == std::string_view::npos) return {};
      rest.remove_prefix(end + 1);
    }
    std::string_view line = rest.substr(0, rest.find('\n'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  std::string_view text_;
  const std::string& name_;
};

// One table, read key by key. done() refuses what nobody asked for.
class Section {
 public:
  Section(const Source& source, const toml::table& table, std::string name)
      : source_(source), table_(table), name_(std::move(name)) {}

  const toml::node* get(const char* key) {
    known_.insert(key);
    return table_.get(key);
  }
  // Keys of the design that this version does not do: said, instead of ignored.
  void later(std::initializer_list<const char*> keys) {
    for (const char* key : keys) {
      known_.insert(key);
      if (const toml::node* node = table_.get(key)) {
        source_.refuse(key_region(key, *node), in_quotes(key) + " is not in this version", "leave it out");
      }
    }
  }

  void string(const char* key, std::string& value) {
    const toml::node* node = get(key);
    if (!node) return;
    if (!node->is_string()) wrong_type(key, *node, "a string", "write " + std::string(key) + " = \"...\"");
    value = node->as_string()->get();
    if (value.find('\0') != std::string::npos) source_.refuse(node->source(), in_quotes(key) + " holds a NUL byte");
  }

  void boolean(const char* key, bool& value) {
    const toml::node* node = get(key);
    if (!node) return;
    if (!node->is_boolean()) wrong_type(key, *node, "true or false", fmt::format("write {} = {}", key, value));
    value = node->as_boolean()->get();
  }

  // A condition, and the place of its first character.
  void condition(const char* key, std::string& value, std::string& where) {
    string(key, value);
    where = source_.place_inside(region_of(key));
    if (get(key) && value.find_first_not_of(" \t\r\n") == std::string::npos) refuse(key, fmt::format("'{}' says nothing", key));
  }

  // A list of strings, not empty. `hint` is an example of it.
  void words(const char* key, std::vector<std::string>& value, const std::string& hint) {
    const toml::node* node = get(key);
    if (!node) return;
    if (!node->is_array()) wrong_type(key, *node, "a list of strings", hint);
    for (const toml::node& element : *node->as_array()) {
      const auto* word = element.as_string();
      if (!word) wrong_type(key, element, "a list of strings", hint);
      if (word->get().find('\0') != std::string::npos) source_.refuse(element.source(), in_quotes(key) + " holds a NUL byte");
      value.push_back(word->get());
    }
    if (value.empty() || value.front().empty()) source_.refuse(node->source(), fmt::format("'{}' says nothing", key), hint);
  }
  void command(const char* key, std::vector<std::string>& value) {
    words(key, value, fmt::format("write {0} = [\"program\", \"argument\"], where a shell is wanted {0} = [\"sh\", \"-c\", \"...\"]", key));
  }
  // A path from the root, "" where the key is not there.
  void absolute_path(const char* key, std::string& path) {
    string(key, path);
    if (get(key) && !path.starts_with('/')) refuse(key, fmt::format("'{}' must be an absolute path", key));
  }

  void name(const char* key, std::string& value) {
    string(key, value);
    if (const toml::node* node = get(key); node && !valid_name(value)) {
      source_.refuse(node->source(), in_quotes(value) + " is not a name", "names are 1 to 32 of A-Z a-z 0-9 . _ -");
    }
  }

  void duration(const char* key, Duration& value, Duration least, Duration most, const char* example) {
    quantity(key, value, least, most, "a duration", example, parse_duration, duration_literal);
  }
  template <class Integer>
  void size(const char* key, Integer& value, std::uint64_t least, const char* example) {
    std::uint64_t bytes = 0;
    if (!get(key)) return;
    quantity(key, bytes, least, std::uint64_t{1} << 50, "a size", example, parse_size, size_literal);
    value = bytes;
  }
  void percent(const char* key, double& value, double least, double most, const char* example) {
    const auto literal = [](double percent) { return fmt::format("{}%", percent); };
    quantity(key, value, least, most, "a percentage", example, parse_percent, literal);
  }

  template <class Integer>
  void integer(const char* key, Integer& value, std::int64_t least, std::int64_t most) {
    const toml::node* node = get(key);
    if (!node) return;
    if (!node->is_integer()) wrong_type(key, *node, "a whole number", fmt::format("write {} = {}", key, value));
    const std::int64_t number = node->as_integer()->get();
    if (number < least || number > most) {
      source_.refuse(node->source(), fmt::format("'{}' must be between {} and {}", key, least, most));
    }
    value = static_cast<Integer>(number);
  }

  template <class Enum, std::size_t N>
  // True where the file says it.
  bool one_of(const char* key, Enum& value, const std::array<std::pair<const char*, Enum>, N>& choices) {
    const toml::node* node = get(key);
    if (!node) return false;
    std::string text, list;
    string(key, text);
    for (const auto& [name, choice] : choices) {
      list += (list.empty() ? "" : ", ") + std::string(name);
      if (text != name) continue;
      value = choice;
      return true;
    }
    source_.refuse(node->source(), fmt::format("'{}' cannot be {}", key, in_quotes(text)), "one of: " + list);
    return false;
  }

  // A table of its own, handed to `read`.
  template <class Read>
  void table(const char* key, Read read) {
    const toml::node* node = get(key);
    if (!node) return;
    if (!node->is_table()) wrong_type(key, *node, "a table", fmt::format("write [{}]", key));
    Section section(source_, *node->as_table(), inner(key));
    read(section);
    section.done();
  }
  // [[key]], each handed to `read`.
  template <class Read>
  void tables(const char* key, Read read) {
    const toml::node* node = get(key);
    if (!node) return;
    if (!node->is_array_of_tables()) wrong_type(key, *node, "a list of tables", fmt::format("write [[{}]]", key));
    const toml::array& list = *node->as_array();
    if (list.size() > kMaxListed) source_.refuse(node->source(), fmt::format("more than {} [[{}]]", kMaxListed, key));
    for (const toml::node& element : list) {
      Section section(source_, *element.as_table(), inner(key));
      read(section);
      section.done();
    }
  }

  // Checked by done(), after the keys that are unknown: a misspelt key is one that is missing, too.
  void required(const char* key) { required_.push_back({key}); }
  void required_one_of(std::initializer_list<const char*> keys) { required_.push_back(keys); }

  void done() const {
    for (const auto& [key, node] : table_) {
      if (known_.contains(key.str())) continue;
      const std::string near = nearest_names(key.str(), known_);
      std::string all;
      for (const std::string& known : known_) all += (all.empty() ? "" : ", ") + known;
      source_.refuse(key.source(), "unknown key " + in_quotes(key.str()) + (name_.empty() ? "" : " in " + name_),
                     near.empty() ? "keys here: " + all : "did you mean " + near);
    }
    for (const std::vector<const char*>& keys : required_) {
      std::string list;
      for (const char* key : keys) list += (list.empty() ? "'" : " or '") + std::string(key) + "'";
      if (std::none_of(keys.begin(), keys.end(), [&](const char* key) { return table_.contains(key); }))
        source_.refuse(table_.source(), fmt::format("[[{}]] needs {}", name_, list));
    }
  }

  const Source& source() const { return source_; }
  const toml::source_region& region() const { return table_.source(); }
  const toml::source_region& region_of(const char* key) { return get(key) ? get(key)->source() : region(); }
  // At the byte `offset` of a string.
  [[noreturn]] void refuse_inside(const char* key, std::size_t offset, const std::string& what, const std::string& hint = {}) {
    throw Error(source_.place_inside(region_of(key), offset) + ": " + what, hint);
  }
  [[noreturn]] void refuse(const char* key, const std::string& what, const std::string& hint = {}) {
    source_.refuse(region_of(key), what, hint);
  }

 private:
  std::string inner(const char* key) const { return name_.empty() ? key : name_ + "." + key; }

  toml::source_region key_region(std::string_view key, const toml::node& node) const {
    for (const auto& [candidate, value] : table_) {
      if (candidate.str() == key) return candidate.source();
    }
    return node.source();
  }

  [[noreturn]] void wrong_type(const char* key, const toml::node& node, const char* wanted,
                               const std::string& hint) const {
    source_.refuse(node.source(), fmt::format("'{}' must be {}, not {}", key, wanted, type_words(node)), hint);
  }

  template <class Value, class Parse, class Literal>
  void quantity(const char* key, Value& value, Value least, Value most, const char* kind, const char* example,
                Parse parse, Literal literal) {
    const toml::node* node = get(key);
    if (!node) return;
    const std::string hint = fmt::format("write {} = \"{}\"", key, example);
    if (!node->is_string()) wrong_type(key, *node, fmt::format("{} with a unit", kind).c_str(), hint);
    const std::string text = node->as_string()->get();
    const auto parsed = parse(text);
    if (!parsed)
      source_.refuse(node->source(), fmt::format("'{}' is not {} with a unit: {}", key, kind, in_quotes(text)), hint);
    if (*parsed < least || *parsed > most) {
      source_.refuse(node->source(), fmt::format("'{}' must be between {} and {}", key, literal(least), literal(most)));
    }
    value = *parsed;
  }

  const Source& source_;
  const toml::table& table_;
  std::string name_;
  std::set<std::string, std::less<>> known_;
  std::vector<std::vector<const char*>> required_;  // one of each is
};

}  // namespace fdr
