// Keeps the newest bundles of a directory within a number and a size. Removes only directories that carry our name pattern and our manifest,
// never the newest, never the first of an episode before the others of it, never through a link. Failures are silent: the next bundle tries again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fdr {

// `latest`: the bundle that was just written. Where the clock was set back meanwhile it is dated right after the others: it is the newest, and
// stays newer than they are.
void keep_newest(const std::string& directory, unsigned keep, std::uint64_t max_bytes, const std::string& latest = {});
// What a full bundle is held to take of `directory`'s disk: as much as the newest one there, or as that says a full one would have. 0: not known.
std::uint64_t forecast_bytes(const std::string& directory);
// Removes what writers that died have left half written in `directory` since then: directories of our name pattern, owned by us and by us
// alone to be read, whose lock is free (BundleWriter). Their paths.
std::vector<std::string> remove_abandoned(const std::string& directory, std::int64_t since_realtime_ns);
// Removes one bundle directory made by us (as `fdr now` does with its own).
bool remove_bundle(const std::string& path);

}  // namespace fdr
