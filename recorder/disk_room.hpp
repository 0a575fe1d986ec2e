// How much of the disk below a directory is free, also of one that is still to be made.
#pragma once

#include <optional>
#include <string>

namespace fdr {

// Percent, for who is not root; nothing where it cannot be told. `*place`: the directory that was asked, if wanted.
std::optional<double> disk_free_percent(std::string directory, std::string* place = nullptr);

}  // namespace fdr
