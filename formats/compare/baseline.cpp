#include "formats/compare/baseline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "formats/compare/baseline_merge.hpp"
#include "formats/error.hpp"
#include "formats/figures/onset.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::string_view kFolder = "baselines/", kFile = "/manifest.json";
constexpr std::size_t kMostManifestBytes = 256u << 10;
constexpr double kSecondsLeast = 2;   // less of it proves nothing
constexpr std::size_t kStampLength = 20;  // utc_compact()

// "baselines/NAME/manifest.json" -> NAME.
std::string_view name_in(std::string_view path) {
  if (!path.starts_with(kFolder) || !path.ends_with(kFile) || path.size() <= kFolder.size() + kFile.size()) return {};
  path = path.substr(kFolder.size(), path.size() - kFolder.size() - kFile.size());
  return path.find('/') == std::string_view::npos ? path : std::string_view{};
}

Baseline described(const Bundle& bundle, std::string name) {
  Baseline baseline;
  baseline.kind = baseline_kind(name);
  baseline.name = std::move(name);
  const std::string path = std::string(kFolder) + baseline.name + std::string(kFile);
  const auto text = read_bundle_text(bundle.path, path, kMostManifestBytes);
  if (!text) {
    baseline.problem = path + " is listed and cannot be read";
    return baseline;
  }
  try {
    const Manifest manifest = manifest_from_json(*text);
    baseline.note = manifest.trigger.evidence;
    baseline.end_realtime_ns = manifest.trigger.realtime_ns;
    baseline.before_s = (static_cast<double>(bundle.manifest.trigger.realtime_ns) - static_cast<double>(baseline.end_realtime_ns)) / 1e9;
    baseline.seconds = manifest.window.before_s;
    baseline.samples = manifest.stacks.samples;
    baseline.targets = manifest.target.names;
    if (manifest.trigger.name != kBaselineTrigger) baseline.problem = path + " is no baseline's";
  } catch (const Error& error) {
    baseline.problem = path + ": " + error.what();
  }
  return baseline;
}

bool same_targets(const Baseline& baseline, const Bundle& bundle) {
  const auto& targets = bundle.manifest.target.names;
  if (baseline.targets.empty() || targets.empty()) return true;
  return std::any_of(targets.begin(), targets.end(), [&](const std::string& name) { return std::count(baseline.targets.begin(), baseline.targets.end(), name) > 0; });
}

bool fits(const Baseline& baseline, const Bundle& bundle) {
  return baseline.problem.empty() && baseline.seconds >= kSecondsLeast && baseline.before_s >= bundle.manifest.window.before_s && same_targets(baseline, bundle);
}

std::string said_of(const Baseline& baseline, const Bundle& bundle) {
  const std::string end = utc_text(baseline.end_realtime_ns), fired = utc_text(bundle.manifest.trigger.realtime_ns);
  const std::string moment = end.substr(0, 10) == fired.substr(0, 10) ? end.substr(11, 8) : end.substr(0, 10) + " " + end.substr(11, 8);
  return fmt::format("the baseline of {} ({}), {} before", moment, baseline.kind, ago_text(baseline.before_s));
}

void compare(Bundle& bundle, const Baseline& baseline) {
  const Bundle slice = read_inner_bundle(bundle.path, std::string(kFolder) + baseline.name);
  if (!slice.problems.empty()) throw Error("the baseline " + printable(baseline.name) + " is damaged: " + printable(slice.problems.front()));
  merge_quiet_slice(bundle, slice, baseline.name, said_of(baseline, bundle));
}

// The window itself holds what it was like before.
bool has_own_quiet(const Bundle& bundle) {
  const Onset onset = find_onset(bundle.manifest, bundle.timeline);
  return onset.known && onset.time - bundle.timeline.begin >= std::chrono::seconds(1);
}

std::string names_of(const std::vector<Baseline>& all) {
  std::string names;
  for (const Baseline& one : all) names += (names.empty() ? "" : ", ") + printable(one.name);
  return names;
}

}  // namespace

std::string ago_text(double seconds) {
  if (!std::isfinite(seconds)) return "unknown";
  const double size = std::abs(seconds);
  if (size < 100) return fmt::format("{:.0f} s", seconds);
  if (size < 100 * 60) return fmt::format("{:.0f} min", seconds / 60);
  if (size < 48 * 3600) return fmt::format("{:.0f} h", seconds / 3600);
  return fmt::format("{:.1f} days", seconds / 86400);
}

std::string baseline_kind(std::string_view name) {
  if (name.size() <= kStampLength + 1 || name[kStampLength] != '.') return "";
  std::string_view kind = name.substr(kStampLength + 1);
  kind = kind.substr(0, kind.find('-'));
  for (const std::string_view known : {"start", "regular", "mark"})
    if (kind == known) return std::string(kind);
  return "";
}

std::vector<Baseline> baselines_of(const Bundle& bundle) {
  std::vector<Baseline> all;
  for (const auto& [path, sum] : bundle.manifest.files) {
    const std::string_view name = name_in(path);
    if (baseline_kind(name).empty()) continue;
    if (all.size() == kMostBaselines) break;
    all.push_back(described(bundle, std::string(name)));
  }
  std::stable_sort(all.begin(), all.end(), [](const Baseline& a, const Baseline& b) { return a.end_realtime_ns > b.end_realtime_ns; });
  return all;
}

void compare_with_baseline(Bundle& bundle, std::string_view wanted) {
  if (wanted == "none") return;
  const bool asked = !wanted.empty();
  if (!asked && (bundle.manifest.trigger.drill || has_own_quiet(bundle))) return;
  const std::vector<Baseline> all = baselines_of(bundle);
  for (const Baseline& baseline : all) {
    if (asked ? baseline.name != wanted : !fits(baseline, bundle)) continue;
    if (asked && !baseline.problem.empty()) throw Error(printable(baseline.problem));
    try {
      return compare(bundle, baseline);
    } catch (const Error& error) {
      if (asked) throw;
      bundle.problems.push_back(error.what());
    }
  }
  if (asked)
    throw Error("this bundle has no baseline '" + printable(wanted) + "'", all.empty() ? "it has none" : "it has " + names_of(all) + "; none compares without one");
}

}  // namespace fdr
