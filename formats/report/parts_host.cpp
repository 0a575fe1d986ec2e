// Rows about the host that was recorded: what the manifest says of it, and the facts that the recorder read when it began.
#include <fmt/format.h>

#include <algorithm>

#include "formats/report/parts.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostFactBytes = 4096;

// "sys_vm_swappiness" -> "vm.swappiness", as sysctl(8) calls it.
std::string sysctl_name(std::string_view file) {
  std::string name(file.substr(std::string_view("sys_").size()));
  const std::size_t folder = name.find('_');
  if (folder != std::string::npos) name[folder] = '.';
  if (name.starts_with("net.core_") || name.starts_with("net.ipv4_")) name[8] = '.';
  return name;
}

std::string first_line(const Bundle& bundle, const std::string& file) {
  if (!bundle.manifest.files.count(file)) return "";
  std::string text = read_bundle_text(bundle.path, file, kMostFactBytes).value_or("");
  text.resize(std::min(text.find('\n'), text.size()));
  std::replace(text.begin(), text.end(), '\t', ' ');
  return valid_utf8(text);
}

}  // namespace

Json host_rows(const PartInput& in) {
  const Manifest& manifest = in.view.manifest;
  Json rows = Json::array();
  const auto add = [&](const std::string& fact, const std::string& value) {
    if (!value.empty()) rows.push_back({{"fact", fact}, {"value", valid_utf8(value)}});
  };
  add("name", manifest.host.name);
  add("kernel", manifest.host.kernel);
  add("machine", manifest.host.machine);
  add("CPUs", std::to_string(manifest.host.cpus));
  add("memory", bytes_text(static_cast<double>(manifest.host.memory_bytes)));
  add("fired", in.view.utc(in.view.fired()));
  add("container", manifest.target.container);
  add("fdr", fmt::format("{} {}", manifest.fdr_version, manifest.backend));
  for (const auto& [fact, file] : {std::pair{"seconds since the boot, and idle", "uptime"}, std::pair{"load of 1, 5 and 15 minutes; running/all tasks; last pid", "loadavg"}})
    add(fact, first_line(in.bundle, std::string("system/at/") + file));
  constexpr std::string_view kFacts = "system/facts/";
  for (const auto& [file, sum] : manifest.files) {
    if (!file.starts_with(kFacts)) continue;
    const std::string_view name = std::string_view(file).substr(kFacts.size());
    if (name.starts_with("sys_")) add(sysctl_name(name), first_line(in.bundle, file));
    else if (name == "cmdline" || name == "version") add("kernel's " + valid_utf8(std::string(name)), first_line(in.bundle, file));
  }
  return rows;
}

}  // namespace fdr
