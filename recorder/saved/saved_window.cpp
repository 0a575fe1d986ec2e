#include "recorder/saved/saved_window.hpp"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include "recorder/system/small_file.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostFile = 64u << 20;  // of what is read back
constexpr std::size_t kMostMetrics = UINT16_MAX;
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

constexpr std::uint32_t number(StateKind kind) { return static_cast<std::uint32_t>(kind); }
ByteCursor cursor_of(std::string_view payload) { return ByteCursor({reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()}); }
bool same_bits(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

template <class Enum>
Enum get_enum(ByteCursor& from, Enum last) {
  const auto value = from.read<std::uint8_t>();
  return value <= static_cast<std::uint8_t>(last) ? static_cast<Enum>(value) : last;
}

// What the journals say, oldest record first.
class JournalReader {
 public:
  explicit JournalReader(SavedWindow& saved) : saved_(saved), row_(saved.facts.metrics.size(), kUnknown) {
    for (const SavedFacts::Metric& metric : saved.facts.metrics) series_.push_back({.name = metric.name, .unit = metric.unit, .kind = metric.kind, .points = {}});
  }

  void read(const StateRecord& record) {
    ByteCursor from(record.payload);
    switch (static_cast<StateKind>(record.kind)) {
      case StateKind::kMetrics: return metrics(from);
      case StateKind::kOtherMetrics: return others(from);
      case StateKind::kSummary: return summary(from);
      case StateKind::kLedger: saved_.ledger.append(reinterpret_cast<const char*>(record.payload.data()), record.payload.size()); return;
      case StateKind::kPulse: return pulse(from);
      case StateKind::kKernel: return saved_.samples.read_kernel(from);
      case StateKind::kThreads: return saved_.samples.read_threads(from);
      case StateKind::kSamples: return saved_.samples.read_records(from);
      default: return;  // of a later version
    }
  }

  void finish() {
    for (MetricSeries& one : series_)
      if (!one.points.empty()) saved_.metrics.push_back(std::move(one));
    for (auto& [name, one] : others_) saved_.metrics.push_back(std::move(one));
  }

 private:
  void metrics(ByteCursor& from) {
    const Timestamp time{Duration{from.read<std::int64_t>()}};
    const std::uint32_t count = get_count(from, sizeof(std::uint16_t) + sizeof(double));
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto id = from.read<std::uint16_t>();
      const auto value = from.read<double>();
      if (id < row_.size()) row_[id] = value;
    }
    if (from.failed() || time <= saved_.metrics_end) return;
    saved_.metrics_end = time;
    for (std::size_t id = 0; id < row_.size(); ++id)
      if (!std::isnan(row_[id])) series_[id].points.push_back({time, row_[id]});
  }

  void others(ByteCursor& from) {
    const std::uint32_t count = get_count(from, 10);
    for (std::uint32_t i = 0; i < count && !from.failed(); ++i) {
      MetricSeries read;
      read.name = get_text(from);
      read.unit = get_enum(from, Unit::kCount);
      read.kind = get_enum(from, MetricKind::kCounter);
      const std::uint32_t points = get_count(from, 16);
      MetricSeries& series = others_.try_emplace(read.name, read).first->second;
      for (std::uint32_t j = 0; j < points; ++j) {
        const Timestamp time{Duration{from.read<std::int64_t>()}};
        const auto value = from.read<double>();
        if (series.points.empty() || series.points.back().time < time) series.points.push_back({time, value});
      }
    }
  }

  void summary(ByteCursor& from) {
    const std::uint32_t count = get_count(from, sizeof(SummaryRow));
    for (std::uint32_t i = 0; i < count; ++i) saved_.summary.push_back(from.read<SummaryRow>());
  }

  void pulse(ByteCursor& from) {
    const auto pulse = from.read<Pulse>();
    if (from.failed()) return;
    if (saved_.anchors.empty() || pulse.anchor.monotonic_ns - saved_.anchors.back().monotonic_ns >= 60'000'000'000) saved_.anchors.push_back(pulse.anchor);
    saved_.pulse = pulse;
  }

  SavedWindow& saved_;
  std::vector<double> row_;
  std::vector<MetricSeries> series_;
  std::map<std::string, MetricSeries> others_;
};

TextFiles read_text(std::string_view payload) {
  ByteCursor from = cursor_of(payload);
  TextFiles files;
  const std::uint32_t count = get_count(from, 8);
  for (std::uint32_t i = 0; i < count; ++i) {
    std::string path = get_text(from), text = get_text(from);
    if (!from.failed()) files.emplace(std::move(path), std::move(text));
  }
  return files;
}

}  // namespace

SavedRoom saved_room(std::uint64_t memory) {
  constexpr std::uint64_t kSmall = 32u << 20;  // where the least window takes nearly all
  const std::uint64_t all = memory < kSmall ? memory / 64 : std::min<std::uint64_t>(memory / 16, 8u << 20);
  return {.all = all, .journal = all / 4, .processes = all / 8, .text = all / 8};
}

std::string facts_payload(const SavedFacts& facts) {
  StateWriter to;
  to.put(kStateVersion);
  for (const std::string* text : {&facts.fdr_version, &facts.boot_id, &facts.name, &facts.mode}) to.text(*text);
  to.texts(facts.command);
  to.text(facts.config);
  to.put(to_ns(facts.armed_at));
  to.put(facts.clock_period_ns);
  to.texts(facts.notes);
  to.put(static_cast<std::uint32_t>(facts.metrics.size()));
  for (const SavedFacts::Metric& metric : facts.metrics) {
    to.text(metric.name);
    to.put(metric.unit);
    to.put(metric.kind);
  }
  return to.bytes();
}

std::optional<SavedFacts> read_facts(std::string_view payload) {
  ByteCursor from = cursor_of(payload);
  if (from.read<std::uint32_t>() != kStateVersion) return std::nullopt;
  SavedFacts facts;
  for (std::string* text : {&facts.fdr_version, &facts.boot_id, &facts.name, &facts.mode}) *text = get_text(from);
  facts.command = get_texts(from);
  facts.config = get_text(from);
  facts.armed_at = Timestamp{Duration{from.read<std::int64_t>()}};
  facts.clock_period_ns = from.read<std::uint64_t>();
  facts.notes = get_texts(from);
  const std::uint32_t count = get_count(from, 6);
  for (std::uint32_t i = 0; i < count && !from.failed(); ++i) {
    SavedFacts::Metric metric;
    metric.name = get_text(from);
    metric.unit = get_enum(from, Unit::kCount);
    metric.kind = get_enum(from, MetricKind::kCounter);
    facts.metrics.push_back(std::move(metric));
  }
  if (from.failed() || facts.clock_period_ns == 0 || facts.metrics.size() > kMostMetrics) return std::nullopt;
  return facts;
}

std::string processes_payload(const ProcessTable& table, const std::vector<LifeReader::Place>& life, std::size_t most) {
  StateWriter to;
  to.put(static_cast<std::uint32_t>(life.size()));
  for (const LifeReader::Place& place : life) {
    to.put(place.seq);
    to.put(place.used);
  }
  const std::uint64_t left_out = table.save(to, most);
  to.put(left_out);
  return to.bytes();
}

std::optional<SavedProcesses> read_processes(std::string_view payload) {
  ByteCursor from = cursor_of(payload);
  std::vector<LifeReader::Place> life(get_count(from, 12));
  for (LifeReader::Place& place : life) {
    place.seq = from.read<std::uint64_t>();
    place.used = from.read<std::uint32_t>();
  }
  auto table = ProcessTable::restore(from);
  if (!table) return std::nullopt;
  SavedProcesses saved{.table = std::move(*table), .life = std::move(life), .left_out = from.read<std::uint64_t>()};
  if (from.failed()) return std::nullopt;
  return saved;
}

std::string MetricRows::payload(Timestamp time, std::span<const double> row) {
  const std::size_t size = std::min(row.size(), kMostMetrics);
  const bool whole = last_.size() != size;
  if (whole) last_.assign(size, kUnknown);
  StateWriter pairs;
  std::uint32_t count = 0;
  for (std::size_t id = 0; id < size; ++id) {
    if (!whole && same_bits(row[id], last_[id])) continue;
    pairs.put(static_cast<std::uint16_t>(id));
    pairs.put(row[id]);
    last_[id] = row[id];
    ++count;
  }
  StateWriter to;
  to.put(to_ns(time));
  to.put(count);
  return to.bytes() + pairs.bytes();
}

std::string pulse_payload(const Pulse& pulse) {
  StateWriter to;
  to.put(pulse);
  return to.bytes();
}

std::string series_payload(const std::vector<MetricSeries>& all) {
  StateWriter to;
  to.put(static_cast<std::uint32_t>(all.size()));
  for (const MetricSeries& series : all) {
    to.text(series.name);
    to.put(series.unit);
    to.put(series.kind);
    to.put(static_cast<std::uint32_t>(series.points.size()));
    for (const MetricSeries::Point& point : series.points) {
      to.put(to_ns(point.time));
      to.put(point.value);
    }
  }
  return to.bytes();
}

std::string summary_payload(std::span<const SummaryRow> rows) {
  StateWriter to;
  to.put(static_cast<std::uint32_t>(rows.size()));
  for (const SummaryRow& row : rows) to.put(row);
  return to.bytes();
}

std::string text_payload(const TextFiles& files, std::size_t most) {
  StateWriter all;
  std::uint32_t count = 0;
  for (const auto& [path, text] : files) {
    if (all.size() + path.size() + text.size() + 8 > most) continue;
    all.text(path);
    all.text(text);
    ++count;
  }
  StateWriter to;
  to.put(count);
  return to.bytes() + all.bytes();
}

std::optional<SavedWindow> read_saved_window(const std::string& directory) {
  const auto path = [&](const char* file) { return directory + "/" + file; };
  const auto facts = read_state(path(kFactsFile), number(StateKind::kFacts), kMostFile);
  auto read = facts ? read_facts(*facts) : std::nullopt;
  if (!read) return std::nullopt;
  SavedWindow saved;
  saved.facts = std::move(*read);

  if (const auto processes = read_state(path(kProcessesFile), number(StateKind::kProcesses), kMostFile)) saved.processes = read_processes(*processes);
  if (!saved.processes) saved.losses.push_back("the table of processes could not be read back: names, command lines and mappings of what has ended are missing");
  if (const auto text = read_state(path(kTextFile), number(StateKind::kText), kMostFile)) saved.text = read_text(*text);

  JournalReader journal(saved);
  for (const char* file : {kOldJournalFile, kJournalFile}) {
    const std::string bytes = read_small_file(path(file), kMostFile).value_or("");
    bool whole = true;
    for (const StateRecord& record : state_records(bytes, whole)) journal.read(record);
    // The last record of the newer one was being written; of the older one nothing should be.
    if (!whole && file == kOldJournalFile) saved.losses.push_back("the older part of the recorder's journal is damaged: metrics and sums of that time are missing");
  }
  journal.finish();
  return saved;
}

void remove_saved_window(const std::string& directory) {
  for (const char* file : {kFactsFile, kProcessesFile, kTextFile, kJournalFile, kOldJournalFile}) {
    ::unlink((directory + "/" + file).c_str());
    ::unlink((directory + "/" + file + ".new").c_str());
  }
}

}  // namespace fdr
