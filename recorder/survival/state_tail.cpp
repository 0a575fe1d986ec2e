#include "recorder/survival/state_tail.hpp"

#include <algorithm>
#include <filesystem>

#include "recorder/config_file/config_file.hpp"
#include "recorder/cost/self_cost.hpp"
#include "recorder/system/boot_id.hpp"

namespace fdr {

Pulse StateTail::pulse(const Recording& recording) const {
  const SummaryLog& summary = recording.summary();
  return {.anchor = ClockAnchor::now(), .cpu_seconds = own_cpu_seconds(), .life_missed = recording.known().life_missed,
          .summary_begin_ns = to_ns(summary.begin()), .summary_end_ns = to_ns(summary.read_at())};
}

std::vector<SummaryRow> StateTail::summary(const SummaryLog& log) {
  std::vector<SummaryRow> rows;
  for (auto row = log.rows().rbegin(); row != log.rows().rend() && row->begin >= summary_saved_; ++row) rows.push_back(*row);
  summary_saved_ = log.read_at();
  return rows;
}

std::string StateTail::ledger(const Engine& engine, const ClockAnchor& clock) {
  const std::vector<LedgerEntry>& all = engine.ledger();
  const std::uint64_t fresh = std::min<std::uint64_t>(engine.ledger_added() - ledger_saved_, all.size());
  ledger_saved_ = engine.ledger_added();
  return fresh ? ledger_ndjson({all.end() - static_cast<std::ptrdiff_t>(fresh), all.end()}, clock) : std::string();
}

std::vector<MetricSeries> StateTail::others(const MetricReader& metrics) {
  std::vector<MetricSeries> fresh = metrics.other_series(others_saved_ + Duration{1});
  for (const MetricSeries& series : fresh)
    for (const MetricSeries::Point& point : series.points) others_saved_ = std::max(others_saved_, point.time);
  return fresh;
}

SavedFacts facts_of(const Config& config, const std::string& name, const std::string& mode, const std::vector<std::string>& command, const Recording& recording, const MetricReader& metrics) {
  Config written = config;
  written.directory = std::filesystem::absolute(config.directory);  // who reads this stands elsewhere
  written.backend = backend_in_use(recording.window().control->backend);
  SavedFacts facts{.fdr_version = FDR_VERSION, .boot_id = boot_id(), .name = name, .mode = mode, .command = command, .config = config_toml(written),
                   .armed_at = recording.armed_at(), .clock_period_ns = recording.source().clock_period_ns(), .notes = recording.notes(), .metrics = {}};
  for (std::string& note : metrics.notes()) facts.notes.push_back(std::move(note));
  const MetricCatalogue& catalogue = metrics.catalogue();
  for (MetricId id = 0; id < catalogue.size(); ++id) facts.metrics.push_back({catalogue.info(id).name, catalogue.info(id).unit, catalogue.info(id).kind});
  return facts;
}

}  // namespace fdr
