// What a configuration is refused with.
#pragma once

#include <string>
#include <string_view>

#include "formats/error.hpp"
#include "recorder/config_file/config_file.hpp"

namespace fdr::test {

struct Refusal {
  std::string what, hint;
};

// Both empty where it is taken.
inline Refusal refusal(std::string_view toml) {
  try {
    parse_config(toml, "fdr.toml");
  } catch (const Error& error) {
    return {error.what(), error.hint()};
  }
  return {};
}

inline bool says(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace fdr::test
