// One number out of a page in Prometheus' text format (exposition format 0.0.4; OpenMetrics' additions behind the value are
// passed over): the sum of all series that have the name and the labels asked for. The page is a stranger's: a line that is none
// is counted and costs itself only. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fdr {

struct SeriesSelector {
  std::string name;
  std::vector<std::pair<std::string, std::string>> labels;  // a series may have more
};

struct SeriesError {
  std::string what;
  std::size_t offset = 0;
};

// `name` or `name{a="b",c="d"}`: equality only. Throws SeriesError.
SeriesSelector parse_series_selector(std::string_view text);

struct SeriesSum {
  double sum = 0;           // of the finite ones
  std::size_t series = 0;   // that were summed
  std::size_t damaged = 0;  // lines that could not be read
};
SeriesSum sum_series(std::string_view page, const SeriesSelector& selector);

}  // namespace fdr
