// Names of the page, each stored once and used by number: flame graphs and stacks repeat them thousands of times.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "formats/json_text.hpp"

namespace fdr {

// What a name is, for its colour: kGroup is a process or a kind of stall, kRest what was merged for want of room.
enum class NameKind : std::uint8_t { kUser = 0, kKernel = 1, kGroup = 2, kRest = 3 };

class NameTable {
 public:
  // `name` has passed printable(); it is cut in the middle where it is very long, sooner once there are many.
  std::uint32_t number(const std::string& name, NameKind kind);
  const std::string& text(std::uint32_t number) const { return names_[number]->first; }
  NameKind kind(std::uint32_t number) const { return names_[number]->second; }
  // {"text": [...], "kind": [...]}
  Json json() const;

 private:
  using Name = std::pair<std::string, NameKind>;
  std::map<Name, std::uint32_t> numbers_;
  std::vector<const Name*> names_;  // by number; a map's keys stay where they are
  std::size_t bytes_ = 0;
};

}  // namespace fdr
