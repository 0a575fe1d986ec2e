// From a firing to its bundle: which one gets a bundle of its own, which goes into the one being made, which waits for it;
// the bundles of an episode's onset and end.
//
// Owns nothing that records: the session lends it what it needs for as long as it lives, and calls from its one thread.
#pragma once

#include <optional>
#include <string>

#include "recorder/dump/dump_control.hpp"
#include "recorder/dump/episodes.hpp"
#include "recorder/system/voice.hpp"

namespace fdr {

class Firings {
 public:
  Firings(const Config& config, Recording& recording, const MetricReader& metrics, Engine& engine, DumpControl& dump, Voice voice)
      : config_(config), recording_(recording), metrics_(metrics), engine_(engine), dump_(dump), voice_(voice) {}

  void fired(const Firing& firing);
  // The second bundle of an episode, unless the first one is open still, or (where not the condition has ended but we do)
  // holds nearly all there is to see.
  void over(const EpisodeEnd& end, bool we_end = false);
  // The target ended with this wait status (nothing: nobody told it): a bundle, where on_exit wants one.
  void exited(std::optional<int> status, Timestamp now);
  // The way of a firing, but for the rule's own state; never into another one's bundle: must not be busy.
  void drilled(const Firing& firing);
  // `said`: of this one, where another one's bundle takes it in.
  void start(DumpTrigger trigger, const std::string& said);

  // From here on at most one bundle is made: of what fires first. spent(): it was begun.
  void only_one() { only_one_ = true; }
  bool spent() const { return only_one_ && begun_; }
  // A bundle could not be begun, or not be written.
  bool failed() const { return failed_; }

  // There is nothing to come: bundles no longer wait for their seconds after.
  void wind_up() { winding_up_ = true; }
  // A bundle waits until the one being made is written, or to be tried again.
  bool waiting() const { return deferred_.has_value() || retry_.has_value(); }
  // What could not be written is tried again, three times, ten seconds apart. Once a tick.
  void advance(Timestamp now);
  // Why the last bundle is not there, or not full; empty: it is.
  const std::string& problem() const { return problem_; }

  // The dump that is done, if any; what waited for it has begun.
  std::optional<FinishedDump> finished();

 private:
  void begin(const DumpTrigger& trigger);
  void merge(const DumpTrigger& trigger, const std::string& said);
  bool try_again(const std::string& why);
  DumpTrigger trigger_of(const Firing& firing) const;

  const Config& config_;
  Recording& recording_;
  const MetricReader& metrics_;
  Engine& engine_;
  DumpControl& dump_;
  Voice voice_;
  Episodes episodes_;
  std::optional<DumpTrigger> deferred_, retry_;
  DumpTrigger making_;  // what is being made, to be tried again
  Timestamp retry_at_{};
  std::string problem_;
  bool winding_up_ = false, only_one_ = false, begun_ = false, failed_ = false;
};

}  // namespace fdr
