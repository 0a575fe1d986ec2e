// The baselines of one recorder on disk: DIRECTORY/baselines/NAME, below that of the bundles, each a small bundle TIME.KIND.fdr. A few are
// kept, so that there is always one of the start, of about an hour and of about a day ago, and of the last marks; a bundle gets the
// youngest of each kind and age. They survive restarts. Names say all that is asked here: no file is opened to choose. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recorder/config/config.hpp"
#include "recorder/system/system_text.hpp"

namespace fdr {

struct StoredBaseline {
  std::string name;                // without ".fdr": "2026-03-01T09-41-03Z.start"
  std::string kind;
  std::int64_t realtime_ns = 0;    // of its end, to the second
};

// Empty where none are kept.
std::string baseline_directory(const Config& config, const std::string& recorder);

// The youngest first; nothing where there is no such directory, or it is not ours.
std::vector<StoredBaseline> stored_baselines(const std::string& directory);

// Of these, the youngest first, those that nothing needs any more. Pure.
std::vector<StoredBaseline> superseded(const std::vector<StoredBaseline>& all, std::int64_t now_ns);
void remove_superseded(const std::string& directory, std::int64_t now_ns);

// Those that go into a bundle whose window begins at `begin_ns`: the youngest that are older, of each kind, by an hour, by a day. Pure.
std::vector<StoredBaseline> chosen_for_bundle(const std::vector<StoredBaseline>& all, std::int64_t begin_ns);
// Their files, below baselines/. What cannot be read is a sentence in `losses`.
void add_baselines(const std::string& directory, std::int64_t begin_ns, TextFiles& into, std::vector<std::string>& losses);

}  // namespace fdr
