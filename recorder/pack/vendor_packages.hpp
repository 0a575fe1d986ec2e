// Which packages of this host hold given files: out of dpkg's own files (/var/lib/dpkg/info/*.list and status; each path a line), or
// by asking rpm, a bounded child, where that is. `root` is for tests. Blocks for some tenths of a second, with rpm some seconds.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace fdr {

struct PackageOf {
  std::string package, version;
  std::string reason;  // why there is none
};

// One entry for each of `paths`.
std::map<std::string, PackageOf> packages_of(const std::vector<std::string>& paths, const std::string& dpkg = "/var/lib/dpkg");

// Lines of dpkg's log (installed, upgraded, removed) of the last `days` before `until_s` (UTC seconds), oldest first, bounded.
std::vector<std::string> package_log(std::int64_t until_s, int days, const std::string& log = "/var/log/dpkg.log");

}  // namespace fdr
