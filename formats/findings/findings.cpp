#include "formats/findings/findings.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include "formats/findings/families.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxTextBytes = 16u << 20;

// Findings that speak against something because they saw none of it, and of what. Those that look for what they need themselves are not here.
struct Rests {
  std::string_view id, part;
};
constexpr std::array kRests = {Rests{"slow-calls", "slow"}, Rests{"failing-calls", "failed"}, Rests{"lookups", "failing"}, Rests{"cut-reads", "syscalls"},
                               Rests{"clock-calls", "syscalls"}, Rests{"blocked", "stalls"}, Rests{"disk", "stalls"}, Rests{"reclaim", "stalls"}};

// What backends other than bpf do not record at all has no ring in the manifest; the failed calls of others come and go with their ends.
bool is_unrecorded(const Manifest& manifest, std::string_view part) {
  if (manifest.backend != "perf" && manifest.backend != "proc") return false;
  return !manifest.rings.contains(part == "failing" ? "bystanders" : std::string(part));
}

// What was not recorded, or not written for want of room, cannot be ruled out.
void withdraw(const Manifest& manifest, Finding& finding) {
  const Manifest::Written& written = manifest.written;
  if (finding.verdict != Verdict::kAgainst) return;
  const auto unseen = std::find_if(kRests.begin(), kRests.end(), [&](const Rests& rests) { return rests.id == finding.id && is_unrecorded(manifest, rests.part); });
  if (unseen != kRests.end()) finding = not_measurable(finding.id, finding.title, "what would show it is not recorded by backend " + printable(manifest.backend));
  const bool blind = written.without("metrics") || std::any_of(kRests.begin(), kRests.end(), [&](const Rests& rests) { return rests.id == finding.id && written.without(rests.part); });
  if (blind) finding = not_measurable(finding.id, finding.title, "what would show it found no room in this bundle");
}

}  // namespace

Findings all_findings(const Evidence& evidence) {
  // What people try first comes first among what is ruled out.
  static constexpr auto families = {find_spin,       find_starvation, find_stalls,     find_swap,       find_reclaim,  find_growth,     find_goroutines,
                                    find_network,    find_datagrams,  find_errors,     find_logs,       find_bystanders,       find_floods,     find_kernel_path, find_user_path,
                                    find_collector,  find_descriptors, find_sockets, find_heartbeats, find_started,   find_recorder};
  Findings all;
  for (const auto family : families)
    for (Finding& finding : family(evidence)) {
      withdraw(evidence.view.manifest, finding);
      all.push_back(std::move(finding));
    }
  std::stable_sort(all.begin(), all.end(), [](const Finding& a, const Finding& b) {
    return a.verdict != b.verdict ? a.verdict < b.verdict : a.score > b.score;
  });
  return all;
}

Judgement judge(const View& view, BundleText text, std::string_view onset) {
  Judgement judgement;
  judgement.onset = onset.empty() ? find_onset(view.manifest, view.timeline) : given_onset(onset, view.manifest, view.timeline);
  judgement.findings = all_findings(Evidence(view, judgement.onset, std::move(text)));
  return judgement;
}

BundleText texts_of(const Bundle& bundle) {
  auto read = std::make_shared<std::map<std::string, std::optional<std::string>, std::less<>>>();
  return [&bundle, read](std::string_view part) -> std::optional<std::string> {
    if (const auto known = read->find(part); known != read->end()) return known->second;
    const std::string name(part);
    const bool listed = bundle.manifest.files.contains(name);
    return (*read)[name] = listed ? read_bundle_text(bundle.path, name, kMaxTextBytes) : std::nullopt;
  };
}

}  // namespace fdr
