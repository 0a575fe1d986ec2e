#include "recorder/pack/vendor_facts.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>

#include "formats/clock.hpp"
#include "formats/findings/findings.hpp"
#include "formats/text.hpp"
#include "recorder/pack/vendor_packages.hpp"
#include "recorder/system/small_file.hpp"

namespace fdr {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr int kPackageDays = 14, kEtcDays = 7;
constexpr std::size_t kMaxEtcEntries = 50'000, kMaxEtcNames = 1000, kMaxStarts = 256;

Json value(Json json) { return {{"value", std::move(json)}}; }
Json reason(const std::string& why) { return {{"reason", why}}; }

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return valid_utf8(text);
}

Json text_or(const std::optional<std::string>& text, const std::string& why) {
  return text && !text->empty() ? value(trimmed(*text)) : reason(why);
}

// Names in a directory, sorted; empty where it cannot be read.
std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(path.c_str()), ::closedir);
  while (const dirent* entry = entries ? ::readdir(entries.get()) : nullptr)
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  std::sort(names.begin(), names.end());
  return names;
}

// --- of the bundle --------------------------------------------------------------------------------------------------

Json sysctls(const Bundle& bundle, const BundleText& text) {
  Json values = Json::object();
  const std::string prefix = "system/facts/sys_";
  for (const auto& [path, sum] : bundle.manifest.files)
    if (path.starts_with(prefix)) values[path.substr(prefix.size())] = trimmed(text(path).value_or(""));
  return values.empty() ? reason("the bundle has none") : value(std::move(values));
}

Json cpu_facts(const std::string& cpuinfo, const Manifest& manifest) {
  if (cpuinfo.empty()) return reason("the bundle has no system/facts/cpuinfo");
  const auto field = [&](const std::string& key) -> Json {
    const std::size_t at = cpuinfo.find(key);
    const std::size_t colon = at == std::string::npos ? at : cpuinfo.find(": ", at);
    return colon == std::string::npos ? Json(nullptr) : Json(trimmed(cpuinfo.substr(colon + 2, cpuinfo.find('\n', colon) - colon - 2)));
  };
  return value({{"model", field("model name")}, {"microcode", field("microcode")}, {"online", manifest.host.cpus}});
}

Json start_times(const Bundle& bundle) {
  Json rows = Json::array();
  const ClockAnchor& clock = bundle.manifest.clock;
  for (const Process& process : bundle.timeline.processes) {
    if (process.target.empty() || process.start_boottime_ns == 0 || rows.size() == kMaxStarts) continue;
    const std::int64_t realtime = clock.realtime_ns - clock.boottime_ns + static_cast<std::int64_t>(process.start_boottime_ns);
    rows.push_back({{"pid", process.pid}, {"name", valid_utf8(process.name)}, {"started", utc_text(realtime)}});
  }
  return rows.empty() ? reason("no target's start is known") : value(std::move(rows));
}

// --- of this host ---------------------------------------------------------------------------------------------------

Json distribution() {
  std::string text = read_small_file("/usr/lib/os-release").value_or("");
  if (text.empty()) text = read_small_file("/etc/os-release").value_or("");
  for (const std::string key : {"PRETTY_NAME=", "NAME="})
    if (const std::size_t at = text.find(key); at != std::string::npos) {
      std::string name = text.substr(at + key.size(), text.find('\n', at) - at - key.size());
      std::erase(name, '"');
      const std::string debian = read_small_file("/etc/debian_version").value_or("");
      return value({{"name", trimmed(name)}, {"debian_version", debian.empty() ? Json(nullptr) : Json(trimmed(debian))}});
    }
  return reason("no os-release");
}

Json hypervisor(const std::string& cpuinfo) {
  const auto dmi = [](const char* name) { return read_small_file(std::string("/sys/class/dmi/id/") + name); };
  if (cpuinfo.find(" hypervisor") == std::string::npos && !read_small_file("/sys/hypervisor/type"))
    return reason("the CPU says that there is none");
  Json json = Json::object();
  for (const char* name : {"sys_vendor", "product_name"}) json[name] = dmi(name) ? Json(trimmed(*dmi(name))) : Json(nullptr);
  const auto type = read_small_file("/sys/hypervisor/type");
  json["type"] = type ? Json(trimmed(*type)) : Json(nullptr);
  return value(std::move(json));
}

Json numa() {
  Json nodes = Json::object();
  for (const std::string& name : names_in("/sys/devices/system/node"))
    if (name.starts_with("node")) nodes[name] = trimmed(read_small_file("/sys/devices/system/node/" + name + "/cpulist").value_or(""));
  return nodes.empty() ? reason("the kernel tells of no nodes") : value(std::move(nodes));
}

Json network_cards() {
  Json cards = Json::object();
  for (const std::string& name : names_in("/sys/class/net")) {
    const std::string path = "/sys/class/net/" + name;
    std::string driver = read_link(path + "/device/driver");
    if (driver.empty()) continue;  // loopback, bridges, tunnels
    driver = driver.substr(driver.rfind('/') + 1);
    cards[valid_utf8(name)] = {{"driver", valid_utf8(driver)},
                               {"version", trimmed(read_small_file("/sys/module/" + driver + "/version").value_or(""))},
                               {"mtu", trimmed(read_small_file(path + "/mtu").value_or(""))},
                               {"speed", trimmed(read_small_file(path + "/speed").value_or(""))}};
  }
  return cards.empty() ? reason("no card with a driver of its own") : value(std::move(cards));
}

Json packages(const Bundle& bundle) {
  std::set<std::string> paths;
  for (const Process& process : bundle.timeline.processes)
    if (!process.target.empty() && process.executable.starts_with('/')) paths.insert(process.executable);
  for (const Module& module : bundle.timeline.stacks.modules())
    if (module.kind == ModuleKind::kFile && module.path.starts_with('/')) paths.insert(module.path);
  if (paths.empty()) return reason("no files are known");
  Json json = Json::object();
  for (const auto& [path, one] : packages_of({paths.begin(), paths.end()}))
    json[valid_utf8(path)] = one.reason.empty() ? Json{{"package", valid_utf8(one.package)}, {"version", valid_utf8(one.version)}}
                                                : Json{{"reason", one.reason}};
  return value(std::move(json));
}

Json recent_packages(std::int64_t fired_s) {
  if (!read_small_file("/var/log/dpkg.log", 1)) return reason("no dpkg.log, or it is not to be read");
  Json lines = Json::array();
  for (const std::string& line : package_log(fired_s, kPackageDays)) lines.push_back(valid_utf8(line));
  return value(std::move(lines));
}

// By the time of their last change, name and owner included (ctime), in the days before the firing.
Json recent_etc(std::int64_t fired_s) {
  Json names = Json::array();
  std::error_code error;
  std::size_t seen = 0;
  fs::recursive_directory_iterator at("/etc", fs::directory_options::skip_permission_denied, error);
  if (error) return reason("/etc is not to be read");
  for (; at != fs::recursive_directory_iterator() && ++seen <= kMaxEtcEntries && names.size() < kMaxEtcNames; at.increment(error)) {
    if (error) break;
    struct stat status {};
    if (::lstat(at->path().c_str(), &status) != 0 || S_ISDIR(status.st_mode)) continue;
    if (status.st_ctim.tv_sec >= fired_s - kEtcDays * 86'400 && status.st_ctim.tv_sec <= fired_s) names.push_back(valid_utf8(at->path().string()));
  }
  return value(std::move(names));
}

std::string why_not_this_host(const Manifest& manifest) {
  utsname here{};
  if (::uname(&here) != 0) return "this host does not say what it is";
  if (manifest.host.name != here.nodename) return "packed on another host than the one recorded";
  return "";
}

}  // namespace

Json vendor_facts(const Bundle& bundle) {
  const Manifest& manifest = bundle.manifest;
  const BundleText text = texts_of(bundle);
  const std::int64_t fired_s = manifest.trigger.realtime_ns / kSecond;
  const std::string cpuinfo = text("system/facts/cpuinfo").value_or("");
  Json facts;
  facts["kernel"] = value(valid_utf8(manifest.host.kernel));
  facts["kernel_command_line"] = text_or(text("system/facts/cmdline"), "the bundle has no system/facts/cmdline.txt");
  facts["sysctls"] = sysctls(bundle, text);
  facts["mounts"] = text_or(text("system/facts/mounts"), "the bundle has no system/facts/mounts.txt");
  facts["cpu"] = cpu_facts(cpuinfo, manifest);
  facts["boot_time"] = value(utc_text(manifest.clock.realtime_ns - manifest.clock.boottime_ns));
  facts["start_times"] = start_times(bundle);

  const std::string why_not = why_not_this_host(manifest);
  const auto here = [&](const char* name, auto gather) { facts[name] = why_not.empty() ? gather() : reason(why_not); };
  here("distribution", distribution);
  here("hypervisor", [&] { return hypervisor(cpuinfo); });
  here("numa", numa);
  here("governor", [] {
    return text_or(read_small_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"), "the kernel does not govern the CPU's frequency");
  });
  here("network_cards", network_cards);
  here("packages", [&] { return packages(bundle); });
  here("package_log_14_days", [&] { return recent_packages(fired_s); });
  here("etc_changed_7_days", [&] { return recent_etc(fired_s); });
  return facts;
}

}  // namespace fdr
