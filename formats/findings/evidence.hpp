// What the findings look at: the recording, split at the onset into a quiet part and the incident, with the figures that
// several of them need. Built once for a report; immutable; holds references that must outlive it.
//
// Where the recording has a baseline (Timeline::quiet), that is the quiet part. Without one and without an onset there is none, and
// the whole window is "the incident": a comparison is then not possible (`has_quiet` false), and only what is wrong by itself may
// speak, and only if a rule fired (`alarmed`).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/figures/go.hpp"
#include "formats/figures/onset.hpp"
#include "formats/figures/view.hpp"
#include "formats/findings/finding.hpp"

namespace fdr {

// A text file of the bundle ("system/at/meminfo"), nothing where there is none.
using BundleText = std::function<std::optional<std::string>(std::string_view part)>;

// A metric before and since the onset. Of a counter: rates a second.
struct Change {
  bool known = false;     // has values in the incident
  bool compared = false;  // and in the quiet part
  double quiet = 0, incident = 0;        // means
  double least = 0, most = 0;            // in the incident
  double first = 0, last = 0;            // of the incident
  double quiet_first = 0, quiet_last = 0;
  const MetricSeries* series = nullptr;

  bool grew(double factor, double floor = 0) const { return compared && incident > factor * quiet + floor; }
  std::string text(double value) const;  // with the metric's unit
  std::string moved() const;             // "6.1 % before, 104 % since"; without a quiet part "104 %"
};

// Calls of the targets on each side, exact where the sums were recorded.
struct CallChange {
  std::uint64_t quiet = 0, incident = 0, quiet_errors = 0, incident_errors = 0;
  Duration quiet_wall{}, incident_wall{}, quiet_cpu{}, incident_cpu{}, incident_max{};
  CallChange& operator+=(const CallChange& more);
};

enum class Side : std::uint8_t { kQuiet, kIncident, kNeither };

class Evidence {
 public:
  Evidence(const View& view, const Onset& onset, BundleText text);

  Side side(Timestamp time) const;
  Side side(Timestamp begin, Duration length) const;  // kIncident as soon as it touches that
  // The part of an interval that lies in the incident.
  Duration within_incident(Timestamp begin, Duration length) const;

  Change change(std::string_view metric) const;
  Change change_of(const MetricSeries& series) const;
  std::vector<const MetricSeries*> metrics_like(std::string_view prefix, std::string_view suffix) const;
  MetricPoints points(std::string_view metric) const;           // in the window
  MetricPoints compared_points(std::string_view metric) const;  // on either side, so of the baseline too

  const std::map<std::string, CallChange>& calls() const { return calls_; }  // by name
  CallChange all_calls() const;
  CallChange calls_named(std::initializer_list<std::string_view> names) const;
  bool has_calls() const { return !calls_.empty(); }

  // Function names of a stack, outermost first; `user` or `kernel` frames only.
  const std::vector<FunctionId>& user_frames(StackId stack) const;
  const std::vector<FunctionId>& kernel_frames(StackId stack) const;
  const std::string& name(FunctionId function) const { return view.labels.function(function); }

  const std::vector<GoReport>& go() const { return go_; }  // of the targets that are Go programs

  std::string text(std::string_view part) const { return text_ ? text_(part).value_or("") : ""; }
  bool has_text(std::string_view part) const { return text_ && text_(part).has_value(); }
  // Of a process at the firing: "limits.txt" -> "process/4242/at/limits.txt".
  std::string process_part(std::int32_t pid, std::string_view name) const;

  double rate(std::uint64_t incident_count) const { return static_cast<double>(incident_count) / incident_s; }
  double quiet_rate(std::uint64_t quiet_count) const { return quiet_s > 0 ? static_cast<double>(quiet_count) / quiet_s : 0; }

  // For how long of a side there are clock samples, and whether that is enough to say what share of a CPU something had.
  double sampled_seconds(Side side) const;
  bool sampled(Side side) const;
  // That many samples of a side in % of a CPU.
  double of_cpu(std::uint64_t samples, Side side) const;

  const View& view;
  const Onset& onset;
  Timestamp quiet_from{}, quiet_until{}, begin{}, end{};  // quiet is [quiet_from, quiet_until), the incident [begin, end]
  double quiet_s = 0, incident_s = 0;
  bool has_quiet = false;
  bool by_baseline = false; // the quiet part is a baseline: single calls and logs are not in it
  bool alarmed = false;     // a rule fired: something was held to be wrong
  double sampled_hz = 99;   // clock samples a second of running

 private:
  struct Frames {
    std::vector<FunctionId> user, kernel;
  };
  const Frames& frames(StackId stack) const;
  const MetricSeries* series_of(std::string_view metric) const;

  BundleText text_;
  std::map<std::string, CallChange> calls_;
  std::vector<GoReport> go_;
  mutable std::map<StackId, Frames> frames_;
};

// Whether a function is known by its name, not as "module+0x1234" only.
bool is_named(const std::string& function);
// "41.2 %"
std::string percent(double value);
// "3.2/s", "6 782/s"
std::string per_second(double rate);
// "a < b < c": the innermost `count` functions, innermost first.
std::string innermost(const Evidence& evidence, const std::vector<FunctionId>& frames, std::size_t count);

// That something is not in such a ring says little about whether it was.
inline bool lost_much(const RingReport& ring) { return ring.dropped * 20 > ring.recorded; }

}  // namespace fdr
