// Whether a path that a stranger's file names may be given to a library that will open it without asking: a FIFO would block it, a device may
// do anything, and a link leads wherever its owner likes. Between the look and the opening the owner of the directory can still change his
// mind: what is left is that he blocks whoever reads his own program's names. Pure but for the look.
#pragma once

#include <string>

namespace fdr {

// A regular file, not through a link in its last part, or nothing at all.
bool is_plain_or_absent(const std::string& path);
// As libdw and gdb put them together: `file` in `directory`, both of which may be absolute, seen from `base`.
std::string path_from(const std::string& base, const std::string& directory, const std::string& file);

}  // namespace fdr
