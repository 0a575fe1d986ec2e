// Which firings and which bundles belong together: an episode begins with the bundle of a firing, is joined by
// the rules that fire while that bundle is being made, and is over when the last of them is.
//
// Bookkeeping only: no clock, no file. The session tells what happened, and writes what is asked for. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/manifest.hpp"
#include "triggers/engine.hpp"

namespace fdr {

class Episodes {
 public:
  // A rule fired and got a bundle of its own, up to `covered_until` at least. What that bundle says of it.
  Manifest::Episode begin(const Firing& firing, const ClockAnchor& clock, Timestamp covered_until);
  // A rule fired into a bundle that is being made: of the episode that began with it, or of a new one, whose first bundle that is.
  Manifest::Episode join(const Firing& firing, const ClockAnchor& clock, Timestamp covered_until);
  // The bundle that holds these is done; `name` is that of its directory, empty where it failed.
  void written(const std::vector<std::string>& ids, const std::string& name);

  struct Over {
    Manifest::Episode note;   // of the end's bundle
    bool first_is_open = false;  // its first bundle is still being made
    Timestamp covered_until;     // by the first bundle
  };
  // A rule's condition is over: the episode, if that was the last of its rules.
  std::optional<Over> ended(const EpisodeEnd& end);
  std::size_t open() const { return open_.size(); }

 private:
  struct Open {
    Manifest::Episode note;
    std::vector<std::string> active;  // rules
    bool making = true;               // its first bundle
    Timestamp covered_until;
  };
  std::vector<Open> open_;
};

}  // namespace fdr
