// A regular expression of the user's, searched for in lines that anybody may have written. RE2: time linear in the line, memory
// bounded, no recursion on its input, which std::regex and backtracking engines cannot promise. RE2's syntax, UTF-8.
// Immutable; may be used by several threads at once. RE2 is named in pattern.cpp only.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace fdr {

// `offset`: the byte of the expression where it goes wrong, 0 where that is not known.
struct PatternError {
  std::string what;
  std::size_t offset = 0;
};

class Pattern {
 public:
  explicit Pattern(const std::string& expression);  // throws PatternError
  bool found_in(std::string_view text) const;
  // What the first group matched at the first place where the whole does.
  std::optional<std::string_view> group_in(std::string_view text) const;
  int groups() const;

 private:
  std::shared_ptr<const re2::RE2> engine_;
};

}  // namespace fdr
