// What a report says of the user's logs, below the first screen: the templates that came most often since the onset, and what keeps a
// log from being read.
#pragma once

#include <string>

#include "formats/figures/logs.hpp"
#include "formats/report/report.hpp"

namespace fdr {

// Empty where no log was named. `bundle_path`: for the command that shows the rest.
std::string log_section(const Logs& logs, const LogSpan& span, const std::string& bundle_path, const ReportStyle& style);

}  // namespace fdr
