// [[metric]]: a number of the user's own, from a command, an HTTP endpoint, a file, or the lines of a [[log]]. Data only.
#pragma once

#include <string>
#include <vector>

#include "formats/timeline.hpp"

namespace fdr {

struct UserMetricConfig {
  std::string name;                  // used in rules as it is
  std::vector<std::string> command;  // one of these four is given
  std::string url;
  std::string file;
  std::string log;      // the name of a [[log]]; `pattern` takes the number out of its lines
  std::string series;   // url: which series of a Prometheus page
  std::string pattern;  // one group, the number; empty: the first number there is
  Duration every = std::chrono::seconds(10);
  Duration timeout = std::chrono::seconds(5);
  MetricKind kind = MetricKind::kGauge;
  Unit unit = Unit::kNone;
  std::string where;  // in the configuration, for errors
};

}  // namespace fdr
