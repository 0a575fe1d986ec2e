#include "formats/findings/grade.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr double kWholeWindow = 0.97;  // a tick or two at the edges is no loss
constexpr double kWholeStacks = 0.99;  // the completeness that fdr promises
constexpr std::array<std::string_view, 2> kWhatFits = {"syscalls", "switches"};  // one record for each: kept for as long as there is room

enum Rank { kComplete, kReduced, kPoor };

class Reasons {
 public:
  void add(Rank rank, std::string text) {
    worst_ = std::max(worst_, rank);
    grade_.reasons.push_back(printable(text));
  }
  Grade finish() {
    constexpr const char* kWords[] = {"complete", "reduced", "poor"};
    grade_.word = kWords[worst_];
    return std::move(grade_);
  }

 private:
  Rank worst_ = kComplete;
  Grade grade_;
};

// Rings that are short by the same seconds are so for one reason and share a line.
// `possible_s`: the window of the bundle, which a recorder that was armed a moment ago makes shorter than was asked.
void judge_spans(const std::map<std::string, RingReport>& rings, double possible_s, Reasons& reasons) {
  std::map<std::string, std::string> by_span;
  bool poor = false;
  for (const auto& [name, ring] : rings) {
    if (std::find(kWhatFits.begin(), kWhatFits.end(), name) != kWhatFits.end()) continue;
    const double asked_s = possible_s > 0 ? std::min(ring.asked_s, possible_s) : ring.asked_s;
    if (!(asked_s > 0) || ring.obtained_s >= kWholeWindow * asked_s) continue;
    std::string& names = by_span[fmt::format("{:.1f} s of {:.1f} s asked for", ring.obtained_s, asked_s)];
    names += (names.empty() ? "" : ", ") + name;
    poor = poor || ring.obtained_s < asked_s / 2;
  }
  for (const auto& [span, names] : by_span) reasons.add(poor ? kPoor : kReduced, span + ": " + names);
}

void judge_losses(const std::string& name, const RingReport& ring, Reasons& reasons) {
  const auto lost = [&](std::uint64_t count, const char* how) {
    if (count > 0) reasons.add(count > ring.recorded ? kPoor : kReduced, fmt::format("{}: {} {}", name, count, how));
  };
  lost(ring.dropped, "not kept: no room, or more at a time than the ring takes");
  lost(ring.missed, "never seen");
  lost(ring.torn, "met half written");
}

}  // namespace

Grade grade_of(const Bundle& bundle) {
  Reasons reasons;
  const Manifest& manifest = bundle.manifest;
  for (const std::string& problem : bundle.problems) reasons.add(kPoor, problem);
  judge_spans(manifest.rings, manifest.window.before_s + manifest.window.after_s, reasons);
  for (const auto& [name, ring] : manifest.rings) judge_losses(name, ring, reasons);
  if (manifest.stacks.samples > 0) {
    const double share = static_cast<double>(manifest.stacks.complete) / static_cast<double>(manifest.stacks.samples);
    if (share < kWholeStacks)
      reasons.add(share < 0.5 ? kPoor : kReduced,
                  fmt::format("{:.1f} % of {} stacks reach a proven root", 100 * share, manifest.stacks.samples));
  }
  for (const std::string& loss : manifest.losses) reasons.add(kReduced, loss);
  return reasons.finish();
}

}  // namespace fdr
