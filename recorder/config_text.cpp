// config_toml(): the configuration in force, written as the file that would give it (parse_config reads it back to the same).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <string_view>
#include <vector>

#include "recorder/config.hpp"
#include "triggers/quantity.hpp"

namespace fdr {
namespace {

// A TOML basic string.
std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += std::string("\\") + c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04X}", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

const char* detail_name(SyscallDetail detail) {
  return detail == SyscallDetail::kAll ? "all" : detail == SyscallDetail::kSummary ? "summary" : "off";
}

const char* on_exit_name(OnExit on_exit) {
  return on_exit == OnExit::kAlways ? "always" : on_exit == OnExit::kFailure ? "failure" : "never";
}

std::string match_toml(const TargetConfig& target) {
  std::vector<std::string> parts;
  if (!target.pids.empty()) parts.push_back(fmt::format("pid = [{}]", fmt::join(target.pids, ", ")));
  if (!target.comm.empty()) parts.push_back("comm = " + toml_string(target.comm));
  if (!target.exe.empty()) parts.push_back("exe = " + toml_string(target.exe));
  return parts.empty() ? "" : fmt::format("match = {{ {} }}\n", fmt::join(parts, ", "));
}

}  // namespace

std::string config_toml(const Config& config) {
  std::string out;
  if (!config.name.empty()) out += "name = " + toml_string(config.name) + "\n";
  if (config.on_exit) out += fmt::format("on_exit = \"{}\"\n\n", on_exit_name(*config.on_exit));
  out += fmt::format("[window]\nspan = \"{}\"\nafter = \"{}\"\n", duration_literal(config.span),
                     duration_literal(config.after));
  out += config.memory ? fmt::format("memory = \"{}\"\n\n", size_literal(*config.memory))
                       : "# memory: the larger of 64MB and 8MB for each CPU\n\n";
  out +=
      fmt::format("[sample]\nfrequency = {}\noff_cpu = \"{}\"\n\n", config.frequency, duration_literal(config.off_cpu));
  out += fmt::format("[syscalls]\ndetail = \"{}\"\nslow = \"{}\"\n\n", detail_name(config.detail),
                     duration_literal(config.slow));
  out += fmt::format("[metrics]\nevery = \"{}\"\n\n", duration_literal(config.every));
  out +=
      fmt::format("[bundle]\ndirectory = {}\nkeep = {}\nmax_bytes = \"{}\"\nkeep_free = \"{}%\"\n",
                  toml_string(config.directory), config.keep, size_literal(config.max_bytes), config.keep_free_percent);
  for (const TargetConfig& target : config.targets) {
    out += "\n[[target]]\n";
    if (!target.name.empty()) out += "name = " + toml_string(target.name) + "\n";
    out += match_toml(target);
  }
  for (const RuleConfig& rule : config.rules) {
    out += fmt::format("\n[[trigger]]\nname = {}\nwhen = {}\nfor = \"{}\"\ncooldown = \"{}\"\n", toml_string(rule.name),
                       toml_string(rule.when), duration_literal(rule.hold), duration_literal(rule.cooldown));
  }
  for (const HeartbeatConfig& beat : config.heartbeats) {
    out += fmt::format("\n[[heartbeat]]\nname = {}\nfrom = \"beat\"\nevery = \"{}\"\nmisses = {}\n",
                       toml_string(beat.name), duration_literal(beat.every), beat.misses);
  }
  return out;
}

}  // namespace fdr
