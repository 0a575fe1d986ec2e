// The rules that apply where nobody wrote any: at most 15, meant to be left on. Each has an absolute floor and, where it makes
// sense, a share of the host's own past (`avg(m, 1h, FALLBACK)`: the fallback stands while there is not that much past, and is
// the more careful of the two). `fdr check --defaults` says each in a sentence.
//
// One TOML text, read as a user's file is. A rule of the user's takes the place of the default one of the same name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "triggers/engine.hpp"

namespace fdr {

// The one of them that says no more than on_exit does, where that wants a bundle.
inline constexpr std::string_view kCrashRule = "crash";

std::string_view default_rules_toml();
const std::vector<RuleConfig>& default_rules();
// The [[trigger]] tables of a text that holds nothing else (config_file.cpp). Throws Error.
std::vector<RuleConfig> parse_rules(std::string_view toml, const std::string& source_name);

}  // namespace fdr
