// Keeps the newest bundles of a directory within a number and a size. Removes only directories that carry our name pattern and our manifest,
// never the newest, never the first of an episode before the others of it, never through a link (DESIGN 5, 6). Failures are silent: the next bundle tries again.
#pragma once

#include <cstdint>
#include <string>

namespace fdr {

void keep_newest(const std::string& directory, unsigned keep, std::uint64_t max_bytes);
// Removes one bundle directory made by us (as `fdr now` does with its own).
bool remove_bundle(const std::string& path);

}  // namespace fdr
