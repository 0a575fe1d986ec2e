// What a bundle's manifest says, of a live window or of one that a dead recorder left: one place for both.
//
// DumpTrigger is why a bundle is written. manifest_for() is what is known when it begins, finish_manifest() what is known when everything
// has been decoded. Nothing here looks at a recording: all is given. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/manifest.hpp"
#include "recorder/config/config.hpp"
#include "recorder/window/coverage.hpp"

namespace fdr {

struct DumpTrigger {
  std::string name, when, value_text, evidence;
  double value = 0;
  Timestamp time;
  Duration after{};                       // how long the bundle goes on
  Manifest::Episode episode{};            // empty of none
  bool drill = false;
  unsigned tries = 0;                     // that failed
  bool last_try = true;                   // there is no other: better little of it than nothing
  std::vector<std::string> episodes{};    // ids of all that this bundle holds a first or last moment of, when it is merged

  bool of_an_end() const { return episode.stage == "end"; }
  // Takes another one in; `said` goes into the evidence ("also fired: NAME"). What is asked for may only make it longer
  // up to what one of them asks: rules that flap must not keep a bundle open for ever.
  void merge(const DumpTrigger& other, const std::string& said);
};

// Whose window it is, as the command line and the configuration had it.
struct RecordedTargets {
  std::string mode;                  // "run", "attach" or "once"
  std::vector<std::string> command;  // of `run`
  std::vector<std::int32_t> pids;    // that live
};

// On this host, now.
Manifest manifest_for(const Config& config, RecordedTargets targets, const DumpTrigger& trigger, const fdr_control& control);
// The directory's name, without what collisions add.
std::string bundle_name_of(const Manifest& manifest, const Config& config, const DumpTrigger& trigger);

// What is left to say, copied, since it is said on the dumper's thread.
struct ManifestRest {
  RingFacts rings;
  std::string evidence;
  Manifest::Episode episode;
  std::vector<std::string> losses;
  Manifest::Cost cost;  // but for dump_seconds
};
void finish_manifest(const ManifestRest& rest, const DecodeCounts& counts, double dump_seconds, Manifest& manifest);

// Pids of the processes that had not ended.
class ProcessTable;
std::vector<std::int32_t> live_pids(const ProcessTable& table);
// What found no room in the table, in sentences.
std::vector<std::string> table_losses(const ProcessTable& table);
// What the programs themselves counted as lost, in sentences.
std::vector<std::string> program_losses(const fdr_control& control);

}  // namespace fdr
