// The configuration file: TOML text to a Config, checked, and back.
//
// Unknown keys, wrong types, sizes without a unit, a `for` of half the window or more, a condition that does not parse,
// and what this version does not do yet: Error "FILE:LINE:COLUMN: ..." with a suggestion. toml++ is named in
// config_section.hpp only. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "recorder/config/config.hpp"

namespace fdr {

// Files larger than 1 MB are refused. In a file without [[target]], process[NAME] of any NAME is accepted: the command
// line may name it.
Config load_config(const std::string& path);                                 // throws Error
Config parse_config(std::string_view toml, const std::string& source_name);  // the same from text, for tests
// `--when 'EXPR [for DURATION]'`; `ordinal` names it ("when-1").
RuleConfig rule_from_flag(const std::string& text, std::size_t ordinal);
// Where it has no targets: with those that the rules speak of as process[NAME], to be chosen on the command line.
Config with_implied_targets(Config config);
// What can only be said of the whole, file and flags together: names used twice, `for` and look-back against the
// window, every condition against the metrics there are. Throws Error at the place of the rule.
void check_config(const Config& config);
// All rules: the written ones, those the heartbeats imply, and the default ones where they apply (default_rules.hpp); of these without
// any whose name is taken.
std::vector<RuleConfig> all_rules(const Config& config);
bool default_rules_apply(const Config& config);
// The effective configuration as TOML, stored in every bundle and printed by `fdr check`.
std::string config_toml(const Config& config);

}  // namespace fdr
