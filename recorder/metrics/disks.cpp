#include "recorder/metrics/disks.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "recorder/cost/self_cost.hpp"
#include "recorder/system/proc_text.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint64_t kSectorBytes = 512;  // whatever the disk's own are
constexpr std::size_t kMostDisks = 4096;     // names, those that do not count too

// Below /sys/block a '/' of the name is a '!'.
bool has_device(const std::string& blocks, std::string_view name) {
  std::string entry(name);
  std::replace(entry.begin(), entry.end(), '/', '!');
  return ::access((blocks + "/" + entry + "/device").c_str(), F_OK) == 0;
}

}  // namespace

std::optional<DiskTotals> parse_disk(std::string_view line) {
  DiskTotals totals;
  take_word(line), take_word(line);  // major and minor
  totals.name = take_word(line);
  std::array<std::uint64_t, 11> fields{};
  for (std::uint64_t& field : fields) {
    const auto number = parse_number<std::uint64_t>(take_word(line));
    if (!number) return std::nullopt;
    field = *number;
  }
  totals.reads = fields[0], totals.read_sectors = fields[2], totals.read_ms = fields[3];
  totals.writes = fields[4], totals.written_sectors = fields[6], totals.write_ms = fields[7];
  totals.busy_ms = fields[9], totals.weighted_ms = fields[10];
  return totals;
}

DiskMetrics::DiskMetrics(const MetricCatalogue& catalogue, const std::string& proc, std::string blocks, double cpu_share)
    : file_(proc + "/diskstats"), blocks_(std::move(blocks)), budget_(cpu_share) {
  constexpr std::array<const char*, kValues> kNames = {"host.disk.read", "host.disk.written", "host.disk.requests", "host.disk.busy", "host.disk.wait", "host.disk.queue"};
  for (std::size_t i = 0; i < kValues; ++i) ids_[i] = catalogue.find(kNames[i]);
  values_.fill(kUnknown);
}

void DiskMetrics::take(const DiskTotals& totals, Timestamp now) {
  auto disk = disks_.find(totals.name);
  const bool fresh = disk == disks_.end();
  if (fresh) {
    if (disks_.size() >= kMostDisks) return;
    disk = disks_.emplace(totals.name, Disk{}).first;
    disk->second.counts = has_device(blocks_, totals.name);
  }
  disk->second.seen = true;
  if (!disk->second.counts) return;
  const std::array<std::uint64_t, 3> current = {totals.read_sectors * kSectorBytes, totals.written_sectors * kSectorBytes, totals.reads + totals.writes};
  for (std::size_t i = 0; i < current.size(); ++i) {
    if (!fresh && current[i] > disk->second.last[i]) sums_[i] += static_cast<double>(current[i] - disk->second.last[i]);
    values_[kRead + i] = sums_[i];
  }
  disk->second.last = current;
  const auto change = disk->second.second.push(now, {static_cast<double>(current[2]), static_cast<double>(totals.read_ms + totals.write_ms), static_cast<double>(totals.busy_ms),
                                                     static_cast<double>(totals.weighted_ms)});
  if (!change) return;
  const auto worse = [&](Value value, double found) { values_[value] = std::fmax(values_[value], std::max(found, 0.0)); };
  worse(kBusy, std::min(100.0, change->amount[2] / 10 / change->seconds));
  worse(kWait, change->amount[0] > 0 ? change->amount[1] / change->amount[0] / 1000 : 0);
  worse(kQueue, change->amount[3] / 1000 / change->seconds);
}

void DiskMetrics::read(Timestamp now, std::span<double> row) {
  budget_.advance(now);
  if (file_.is_open() && budget_.may_spend()) {
    const Duration begin = thread_cpu_time();
    const auto text = file_.read(buffer_);
    values_.fill(kUnknown);
    for (std::string_view rest = text.value_or(""); !rest.empty();)
      if (const auto totals = parse_disk(take_line(rest))) take(*totals, now);
    std::erase_if(disks_, [](const auto& entry) { return !entry.second.seen; });
    for (auto& [name, disk] : disks_) disk.seen = false;
    budget_.spent(thread_cpu_time() - begin);
  }
  for (std::size_t i = 0; i < kValues; ++i)
    if (ids_[i] && *ids_[i] < row.size()) row[*ids_[i]] = values_[i];
}

}  // namespace fdr
