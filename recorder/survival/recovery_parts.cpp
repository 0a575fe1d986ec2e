#include "recorder/survival/recovery_parts.hpp"

#include <future>

#include "formats/error.hpp"
#include "recorder/config_file/config_file.hpp"

namespace fdr {

Config config_of(const SavedFacts& facts, std::vector<std::string>& losses) {
  try {
    return parse_config(facts.config, "the configuration of recorder '" + facts.name + "'");
  } catch (const Error& error) {
    losses.push_back(std::string("its configuration could not be read back, and the defaults were used instead: ") + error.what());
    return {};
  }
}

std::uint64_t last_rss(const std::vector<MetricSeries>& metrics) {
  for (const MetricSeries& series : metrics)
    if (series.name == "recorder.rss" && !series.points.empty()) return static_cast<std::uint64_t>(series.points.back().value);
  return 0;
}

DumpResult dump_past(DumpRequest request, const Snapshot& snapshot, const MomentCopy& moment, DumpRest rest, ManifestRest said) {
  std::promise<void> done;
  const Snapshot nothing_newer{WindowLayout{}};
  Dumper dumper(std::move(request), snapshot, moment, [&] { done.set_value(); });
  dumper.complete(nothing_newer, moment, std::move(rest), [said = std::move(said)](Manifest& manifest, const DecodeCounts& counts, double seconds) { finish_manifest(said, counts, seconds, manifest); });
  done.get_future().wait();
  return dumper.result();
}

}  // namespace fdr
