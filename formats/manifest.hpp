// manifest.json: what a bundle is, what was asked and what was obtained. The keys are promises: add, never
// rename.
//
// Moments are UTC text for people (`trigger.time`, `window.start`, `window.end`) with the exact monotonic nanoseconds
// beside them
// (`trigger.monotonic_ns`, `window.start_ns`, `window.end_ns`), which are what is read back. Data only. `grade` and
// `signature` are always null in the file: they are worked out when a bundle is read (`fdr verify`, `fdr report --json`, `fdr export ndjson`).
// Percentages are 0..100 where a metric has unit %, shares are 0..1.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "formats/clock.hpp"

namespace fdr {

inline constexpr int kBundleFormat = 1;

// What a bundle may be written without: records of the trace, and files.
inline constexpr std::array kLeftOutParts = {"syscalls", "slow", "failed", "failing", "growth", "files", "stacks", "stalls", "summary", "metrics"};
inline constexpr std::array kWrittenRungs = {"full", "no-raw-syscalls", "metrics-and-stacks", "summary"};

struct RingReport {
  double asked_s = 0;
  double obtained_s = 0;          // from the oldest record kept (or the start of recording) to the snapshot
  std::uint64_t recorded = 0;     // records written since the start
  std::uint64_t kept = 0;         // records of it in this bundle
  std::uint64_t overwritten = 0;  // written and lost to the ring's size before the snapshot
  std::uint64_t dropped = 0;      // not written: nesting, no room, no slot, or more than the ring takes at a time so that it covers its span
  std::uint64_t missed = 0;       // never seen: clock ticks due and not run, side-band records lost
  std::uint64_t torn = 0;         // met half written by the reader and skipped
};

struct StackReport {
  std::uint64_t samples = 0;
  std::uint64_t complete = 0;
  std::map<std::string, std::uint64_t> reasons;  // walk_end_name -> samples
  std::uint64_t copied = 0;                      // walked from a copy at the dump, not by rows when they were taken
};

struct Manifest {
  int format = kBundleFormat;
  std::string fdr_version;
  std::int32_t recorder_pid = 0;  // what it and its children did is none of the host's trouble; 0 where unknown
  std::uint32_t sampled_hz = 0;   // clock samples a second of running on one CPU; 0: not said (findings/sampling.hpp reads it)
  struct Host {
    std::string name, kernel, machine;
    int cpus = 0;
    std::uint64_t memory_bytes = 0;
  } host;
  struct Target {
    std::string mode;
    std::vector<std::int32_t> pids;
    std::vector<std::string> command;
    std::vector<std::string> names;
    std::string container;                        // id, of the first target process that is in one
    std::map<std::int32_t, std::int32_t> ns_pids; // of target processes in a PID namespace of their own: what they are called there
  } target;
  struct Trigger {
    std::string name;              // of the rule; "manual", "exit", ... for what is not a rule
    std::string when;              // the rule's text
    double value = 0;              // of the metric at the firing
    std::string value_text;        // the same for people: "41.2 %", "312 MB"
    std::string evidence;          // one sentence
    std::int64_t realtime_ns = 0;  // `time` in the file is this as UTC text
    std::int64_t monotonic_ns = 0;
    bool drill = false;            // asked for by `fdr drill`: nothing was wrong
  } trigger;
  // Of what the bundle shows a moment, where a rule that can end fired: "onset", "end", or "whole": it was over while
  // the first bundle was still open, which is then the only one. `id` is empty of no episode.
  struct Episode {
    std::string id;                  // "2026-03-01T12:41:23.515Z.system-cpu", the same in its bundles
    std::string stage;
    std::string onset_bundle;        // directory name of the first one, in the bundle of the end
    std::int64_t onset_ns = 0;       // monotonic, of the firing
    std::vector<std::string> rules;  // that fired in it
  } episode;
  struct Window {
    std::int64_t start_ns = 0, end_ns = 0;
    double before_s = 0, after_s = 0;
  } window;  // monotonic
  ClockAnchor clock;
  std::vector<ClockAnchor> anchors;
  StackReport stacks;
  std::map<std::string, RingReport> rings;
  struct Cost {
    double cpu_seconds = 0;
    std::uint64_t rss_bytes = 0, window_bytes = 0;
    double dump_seconds = 0;
  } cost;
  // What room there was to write it in (full, without raw syscalls, metrics and stacks, manifest and summary).
  struct Written {
    std::string rung = "full";               // "full", "no-raw-syscalls", "metrics-and-stacks", "summary"
    std::string why;                         // one sentence; empty where it is full
    std::vector<std::string> left_out;       // of kLeftOutParts: recorded, and not in this bundle
    std::uint64_t needed_bytes = 0;          // what a full one was held to take; 0: not known
    bool without(std::string_view part) const;
  } written;
  std::vector<std::string> losses;           // sentences: everything that was lost or not available, said for people
  std::uint64_t switches_unseen = 0;         // ways back to a CPU that the kernel told nobody of: a wait's end is microseconds late there
  std::string backend;                       // "bpf"
  std::string config;                        // the effective configuration, as TOML
  std::map<std::string, std::string> files;  // path inside the bundle -> SHA-256 hex
};

std::string to_json(const Manifest& manifest);
// Bounded and checked: throws Error naming the key on anything that is not a manifest of a format this reader knows, or has more entries
// than any recorder writes. Times come back within what a machine can have lived through, so that arithmetic on them cannot overflow.
Manifest manifest_from_json(std::string_view text);

}  // namespace fdr
