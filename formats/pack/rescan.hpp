// The last look at what is about to leave: every name that was replaced is searched for in every byte of the new bundle, packed parts
// of the trace inflated. A name that is part of something public (a kept function, a metric, a pseudonym, a key of our own formats) tells
// nothing, and names of fewer than five bytes are met by chance: both are counted and not searched for. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/pack/pseudonyms.hpp"

namespace fdr {

class Rescan {
 public:
  static constexpr std::size_t kShortest = 5;
  // Whether a name cannot be a word of prose: it is not of small letters alone.
  static bool is_telling(std::string_view name);

  // `vocabulary`: text that is the same whoever records.
  Rescan(const Pseudonyms& names, const std::vector<std::string>& vocabulary);

  // The class of a name that is in these bytes; empty: none is. `telling`: only names that cannot be words of a report's own prose (not of
  // small letters alone).
  std::string leak_in(std::string_view bytes, bool telling = false) const;

  std::size_t searched() const { return searched_; }
  std::size_t not_searched() const { return not_searched_; }

 private:
  static constexpr std::size_t kNone = SIZE_MAX;
  struct Original {
    std::string text;
    NameClass name;
    bool telling;
    std::size_t within = kNone;  // the longest other one that this begins with
  };
  void index();
  // The longest that `bytes` begin with; the others are what it begins with itself, and so on.
  std::size_t longest_at(std::string_view bytes) const;

  std::vector<Original> originals_;                                     // sorted
  std::map<std::uint32_t, std::pair<std::size_t, std::size_t>> parts_;  // of those, by the first four bytes: from, and behind the last
  std::vector<bool> starts_;                                            // whether any begins with bytes of this hash
  std::size_t searched_ = 0, not_searched_ = 0;
};

// All packets of a trace, one after the other.
std::string inflated_trace(std::string_view trace);

}  // namespace fdr
