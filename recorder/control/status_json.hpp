// What `fdr status --json` prints of one recorder: the contract of the keys is in status_json.cpp, beside the values.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "formats/json_writer.hpp"
#include "recorder/recording/metric_reader.hpp"
#include "recorder/recording/recording.hpp"
#include "triggers/engine.hpp"

namespace fdr {

struct RecorderFacts {
  std::string name, mode;
  const Config& config;
  std::size_t bundles = 0;
  std::function<void(JsonWriter&)> watched = {};  // writes its own keys: of recorder/watched/watched.hpp
  std::string reload = {};  // what came of the last SIGHUP; empty: there was none
  std::string unwritten = {};  // why the last bundle is not there; empty: it is
  std::uint64_t slice_bytes = 0;  // on disk, for the death of the host
  std::vector<std::string> survival = {};  // why the window would not be readable without us, and nothing without the host; empty: it would
  std::function<void(JsonWriter&)> baselines = {};  // as well, within "baselines": of recorder/baselines/baseline_keeper.hpp
  std::string tick = {};      // how it is scheduled (raised_tick.hpp)
};

// With a newline at the end.
std::string status_json(const RecorderFacts& facts, const Recording& recording, const MetricReader& metrics, const Engine& engine, Timestamp now);

}  // namespace fdr
