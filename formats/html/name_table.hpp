// Names of the page, each stored once and used by number: flame graphs and stacks repeat them thousands of times.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "formats/json_text.hpp"

namespace fdr {

// What a name is, for its colour: kGroup is a process or a kind of stall, kRest what was merged for want of room.
enum class NameKind : std::uint8_t { kUser = 0, kKernel = 1, kGroup = 2, kRest = 3 };

class NameTable {
 public:
  // `name` has passed printable(); it is cut in the middle where it is very long.
  std::uint32_t number(const std::string& name, NameKind kind);
  // {"text": [...], "kind": [...]}
  Json json() const;

 private:
  std::map<std::pair<std::string, NameKind>, std::uint32_t> numbers_;
  Json text_ = Json::array(), kinds_ = Json::array();
};

}  // namespace fdr
