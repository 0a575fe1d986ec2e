#include "recorder/system/pretend.hpp"

#include <algorithm>
#include <cstdlib>

namespace fdr {

bool pretended_missing(std::string_view feature) {
  const char* value = std::getenv("FDR_PRETEND_MISSING");
  for (std::string_view rest = value ? value : ""; !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find(','));
    if (one == feature) return true;
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
  }
  return false;
}

std::string unless_missing(std::string_view feature, std::string path) { return pretended_missing(feature) ? "/proc/pretended-missing" : path; }

}  // namespace fdr
