#include "recorder/dump_rungs.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <span>

#include "formats/error.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostProcesses = 64;  // of a bundle of the lowest rung: who it is about

// How many of kLeftOutParts each rung is without.
constexpr std::array<std::size_t, kWrittenRungs.size()> kPartsLeftOut = {0, 1, 6, kLeftOutParts.size()};
static_assert(std::string_view(kLeftOutParts[0]) == "syscalls" && std::string_view(kLeftOutParts[5]) == "files");

constexpr std::array<const char*, kWrittenRungs.size()> kWords = {"in full", "without raw syscalls", "metrics and stacks only", "manifest and summary only"};

std::size_t index_of(Rung rung) { return static_cast<std::size_t>(rung); }

struct Disk {
  std::string place;
  double free_percent = 100;
  std::uint64_t free = 0, all = 0;  // bytes; free for us
};

// Of the nearest directory that is there.
std::optional<Disk> disk_of(const std::string& directory) {
  struct statvfs disk {};
  std::string place = directory;
  while (::statvfs(place.c_str(), &disk) && place.size() > 1) {
    const std::size_t slash = place.rfind('/');
    place = slash == std::string::npos ? "." : place.substr(0, std::max<std::size_t>(1, slash));
    if (place == "." && ::statvfs(".", &disk)) break;
  }
  if (!disk.f_blocks) return std::nullopt;  // a file system that does not count: none to run out of
  return Disk{place, 100.0 * static_cast<double>(disk.f_bavail) / static_cast<double>(disk.f_blocks), std::uint64_t{disk.f_bavail} * disk.f_frsize, std::uint64_t{disk.f_blocks} * disk.f_frsize};
}

}  // namespace

std::optional<std::uint64_t> room_in(const std::string& directory, double keep_free_percent) {
  const auto disk = disk_of(directory);
  if (!disk) return std::nullopt;
  const auto kept = static_cast<std::uint64_t>(static_cast<double>(disk->all) * keep_free_percent / 100);
  return disk->free - std::min(disk->free, kept);
}

void check_keep_free(const std::string& directory, double keep_free_percent) {
  const auto disk = disk_of(directory);
  if (!disk || disk->free_percent >= keep_free_percent) return;
  throw Error(fmt::format("no bundle is written: {:.1f} % of the disk at {} is free, {} % must stay so", disk->free_percent, disk->place, keep_free_percent),
              "free some room, lower bundle.keep_free, or choose another bundle.directory");
}

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
