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

// Behind the name.
std::optional<DiskTotals> parse_totals(std::string_view line) {
  std::array<std::uint64_t, 10> fields{};
  for (std::uint64_t& field : fields) {
    const auto number = parse_number<std::uint64_t>(take_word(line));
    if (!number) return std::nullopt;
    field = *number;
  }
  const auto ms = [](std::uint64_t field) { return static_cast<std::uint32_t>(field); };
  DiskTotals totals;
  totals.reads = fields[0], totals.read_sectors = fields[2], totals.read_ms = ms(fields[3]);
  totals.writes = fields[4], totals.written_sectors = fields[6], totals.write_ms = ms(fields[7]);
  totals.under_way = fields[8], totals.busy_ms = ms(fields[9]);
  return totals;
}

}  // namespace

DiskMetrics::DiskMetrics(const MetricCatalogue& catalogue, const std::string& proc, std::string blocks, double cpu_share)
    : file_(proc + "/diskstats"), blocks_(std::move(blocks)), budget_(cpu_share) {
  constexpr std::array<const char*, kValues> kNames = {"host.disk.read", "host.disk.written", "host.disk.requests", "host.disk.busy", "host.disk.wait", "host.disk.queue"};
  for (std::size_t i = 0; i < kValues; ++i) ids_[i] = catalogue.find(kNames[i]);
  values_.fill(kUnknown);
}

DiskMetrics::Disk* DiskMetrics::known(std::string_view name, const DiskTotals& totals, Timestamp now) {
  auto found = disks_.find(name);
  const bool fresh = found == disks_.end();
  if (fresh && disks_.size() >= kMostDisks) return nullptr;
  if (fresh) found = disks_.emplace(name, Disk{}).first;
  Disk& disk = found->second;
  if (fresh || totals.reads < disk.last.reads || totals.writes < disk.last.writes) {  // or another of that name
    const bool counts = fresh ? has_device(blocks_, name) : disk.counts;
    disk = {};
    disk.counts = counts;
    disk.last = totals;
    disk.none_since = now;
  }
  return &disk;
}

void DiskMetrics::take(std::string_view name, const DiskTotals& totals, Timestamp now) {
  Disk* const disk = known(name, totals, now);
  if (!disk) return;
  disk->seen = true;
  if (!disk->counts) return;
  const auto requests = static_cast<double>(totals.reads + totals.writes);
  sums_.add(name, {static_cast<double>(totals.read_sectors * kSectorBytes), static_cast<double>(totals.written_sectors * kSectorBytes), requests});

  // Modulo 2^32, as they are printed.
  const std::uint32_t read_ms = totals.read_ms - disk->last.read_ms, write_ms = totals.write_ms - disk->last.write_ms, busy_ms = totals.busy_ms - disk->last.busy_ms;
  disk->waited_ms += static_cast<double>(read_ms) + static_cast<double>(write_ms);
  disk->busy_ms += static_cast<double>(busy_ms);
  disk->under_way += static_cast<double>(totals.under_way);
  ++disk->readings;
  if (totals.reads + totals.writes != disk->last.reads + disk->last.writes || totals.under_way == 0) disk->none_since = now;
  disk->last = totals;
  const auto change = disk->second.push(now, {requests, disk->waited_ms, disk->busy_ms, disk->under_way, disk->readings});
  if (!change) return;
  const auto [done, waited, busy, under_way, readings] = change->amount;
  if (done > 0 || totals.under_way == 0) disk->wait_s = done > 0 ? waited / done / 1000 : 0;
  const auto worse = [&](Value value, double found) { values_[value] = std::fmax(values_[value], std::max(found, 0.0)); };
  worse(kBusy, std::min(100.0, busy / 10 / change->seconds));
  worse(kWait, std::max(disk->wait_s, to_seconds(now - disk->none_since)));
  worse(kQueue, under_way / readings);
}

void DiskMetrics::read(Timestamp now, std::span<double> row) {
  budget_.advance(now);
  if (file_.is_open() && budget_.may_spend()) {
    const Duration begin = thread_cpu_time();
    const auto text = file_.read(buffer_, ProcFile::Reads::kToTheEnd);
    values_.fill(kUnknown);
    for (std::string_view rest = text.value_or(""); !rest.empty();) {
      std::string_view line = take_line(rest);
      take_word(line), take_word(line);  // major and minor
      const std::string_view name = take_word(line);
      if (const auto totals = parse_totals(line)) take(name, *totals, now);
    }
    const auto sums = sums_.done();
    for (std::size_t i = 0; i < lines_.size(); ++i) lines_[i].learn(now, sums ? (*sums)[i] : kUnknown);
    std::erase_if(disks_, [](const auto& entry) { return !entry.second.seen; });
    for (auto& [name, disk] : disks_) disk.seen = false;
    budget_.spent(thread_cpu_time() - begin);
  }
  for (std::size_t i = 0; i < lines_.size(); ++i) values_[kRead + i] = lines_[i].at(now);
  for (std::size_t i = 0; i < kValues; ++i)
    if (ids_[i] && *ids_[i] < row.size()) row[*ids_[i]] = values_[i];
}

}  // namespace fdr
