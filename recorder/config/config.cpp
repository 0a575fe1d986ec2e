#include "recorder/config/config.hpp"

#include <algorithm>

namespace fdr {

std::uint64_t Config::memory_bytes(int cpus) const {
  constexpr std::uint64_t kLeast = 64ull << 20, kPerCpu = 8ull << 20;
  return memory.value_or(std::max(kLeast, kPerCpu * static_cast<std::uint64_t>(std::max(cpus, 1))));
}

bool Config::wants_heap() const {
  return std::any_of(targets.begin(), targets.end(), [](const TargetConfig& target) { return target.heap; });
}

Duration Config::longest_after() const {
  Duration longest = after;
  for (const RuleConfig& rule : rules) longest = std::max(longest, rule.after.value_or(Duration{}));
  return longest;
}

bool valid_name(std::string_view name) {
  if (name.empty() || name.size() > 32) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

const char* backend_word(BackendChoice choice) {
  return choice == BackendChoice::kBpf ? "bpf" : choice == BackendChoice::kPerf ? "perf" : choice == BackendChoice::kProc ? "proc" : "auto";
}

std::vector<std::string> target_names(const Config& config) {
  std::vector<std::string> names;
  for (const TargetConfig& target : config.targets) names.push_back(target.name);
  return names;
}

}  // namespace fdr
