// The user's own evidence: [[collect]] commands and files, taken when armed, each hour, and at a firing.
//
// Each run has a thread of its own, so nothing here makes a tick or a snapshot wait; the thread that writes the bundle
// waits for those of the firing, each until its timeout. What failed is a note, never an error. Of a file the end is taken
// where it is longer than the cap; it must be a regular one, and no link at the end of its path is followed.
//
// Collectors belongs to the session's thread. A CollectRound is handed to the thread that writes; a thread that hangs in
// the kernel is left behind with what it needs.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/clock.hpp"
#include "recorder/config/collector_config.hpp"
#include "recorder/system/system_text.hpp"

namespace fdr {

struct Collected {
  std::string name;
  std::string at;  // "armed", "hourly", "fired"
  Timestamp begin;
  Duration took{};
  std::string text;
  std::optional<int> wait_status;  // of a command that ended
  std::string note;                // what went wrong: "exit code 7", "ended after 5s, its timeout"; empty: nothing
};

// One collector, now: blocks for its timeout and a little more at most. `cancel`: a descriptor that is readable when it is to
// end at once, or -1.
Collected collect(const CollectorConfig& collector, const std::string& at, int cancel);

// Several at once, from its construction on.
class CollectRound {
 public:
  CollectRound(const std::vector<CollectorConfig>& collectors, const std::string& at);
  ~CollectRound();  // ends what still runs, and waits for it, two seconds at most, unless it was given up
  CollectRound(const CollectRound&) = delete;

  bool done() const;     // all of them
  bool overdue() const;  // some hang: wait() would give them up at once
  // All of them; of those that hang beyond their timeout only that they do. At most once.
  std::vector<Collected> wait();

 private:
  struct State;
  Timestamp deadline() const;
  std::shared_ptr<State> state_;
  bool given_up_ = false;
};

// What one bundle gets: what was kept from before, and what is being collected for it.
struct Collecting {
  std::vector<std::shared_ptr<const Collected>> before;
  std::shared_ptr<CollectRound> now;
};

class Collectors {
 public:
  explicit Collectors(std::vector<CollectorConfig> collectors);

  // The first call is the arming. Once a tick.
  void advance(Timestamp now);
  bool busy() const { return armed_ || hourly_; }
  // Starts those of a firing. `quiet`: of the hourly ones, the newest that is older than this, or the oldest there is.
  Collecting begin(Timestamp quiet);

 private:
  std::vector<CollectorConfig> of(bool CollectorConfig::*moment) const;
  void keep(CollectRound& round);

  std::vector<CollectorConfig> collectors_;
  std::shared_ptr<CollectRound> armed_, hourly_;  // while they run
  std::map<std::string, std::shared_ptr<const Collected>> at_arming_;
  std::map<std::string, std::deque<std::shared_ptr<const Collected>>> each_hour_;  // two at most
  std::optional<Timestamp> next_hour_;
};

// Waits for it, then adds collect/NAME.txt, NAME.armed.txt, NAME.hourly.txt and collect/runs.ndjson to `files`, and what
// failed to `losses`.
void add_collected(const Collecting& collecting, TextFiles& files, std::vector<std::string>& losses);

}  // namespace fdr
