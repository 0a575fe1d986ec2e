#include "recorder/dump/dump_rungs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>


namespace fdr {
namespace {

constexpr std::size_t kMostProcesses = 64;  // of a bundle of the lowest rung: who it is about

// How many of kLeftOutParts each rung is without.
constexpr std::array<std::size_t, kWrittenRungs.size()> kPartsLeftOut = {0, 1, 6, kLeftOutParts.size()};
static_assert(std::string_view(kLeftOutParts[0]) == "syscalls" && std::string_view(kLeftOutParts[5]) == "files");

constexpr std::array<const char*, kWrittenRungs.size()> kWords = {"in full", "without raw syscalls", "metrics and stacks only", "manifest and summary only"};

std::size_t index_of(Rung rung) { return static_cast<std::size_t>(rung); }

}  // namespace

void leave_out(BundleParts& parts, Rung rung) {
  Timeline& timeline = parts.timeline;
  // Assigned, not cleared: what is left out is memory that may be wanted.
  if (rung >= Rung::kNoRawCalls) timeline.syscalls = {};
  if (rung >= Rung::kMetricsAndStacks) {
    timeline.slow = {};
    timeline.failed = {};
    timeline.failing = {};
    timeline.growth = {};
    parts.files = {};
  }
  if (rung < Rung::kSummary) return;
  timeline.samples = {};
  timeline.stacks = {};
  parts.slices = {};
  timeline.stalls = {};
  timeline.summary = {};
  timeline.errors = {};
  timeline.metrics = {};
  timeline.threads = {};
  std::erase_if(timeline.life, [](const LifeEvent& event) { return event.kind != LifeKind::kTrigger && event.kind != LifeKind::kMark; });
  for (LifeEvent& event : timeline.life) event.thread = kNoIndex;
  std::erase_if(timeline.processes, [](const Process& process) { return process.target.empty() || process.ended; });
  if (timeline.processes.size() > kMostProcesses) timeline.processes.resize(kMostProcesses);
}

std::string rung_sentence(Rung rung, const std::string& why) { return fmt::format("written {}: {}", kWords[index_of(rung)], why); }

void note_rung(Rung rung, const std::string& why, std::uint64_t needed_bytes, Manifest& manifest) {
  manifest.written = {.rung = kWrittenRungs[index_of(rung)], .why = why, .left_out = {}, .needed_bytes = needed_bytes};
  if (rung == Rung::kFull) return;
  manifest.losses.insert(manifest.losses.begin(), rung_sentence(rung, why));
  const auto parts = std::span(kLeftOutParts).first(kPartsLeftOut[index_of(rung)]);
  manifest.written.left_out.assign(parts.begin(), parts.end());
  for (auto& [name, ring] : manifest.rings) {
    if (rung != Rung::kSummary && !manifest.written.without(name)) continue;
    ring.kept = 0;
    ring.obtained_s = 0;
  }
}

}  // namespace fdr
