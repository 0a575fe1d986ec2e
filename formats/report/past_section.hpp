// The section of `fdr report` on the long history: which metrics are far from what they were in the last day. Pure.
#pragma once

#include <string>

#include "formats/history.hpp"
#include "formats/report/report.hpp"

namespace fdr {

// `rule`: its condition, whose metrics come first. Empty where less than half an hour is known, or all is as ever.
std::string past_section(const History& history, std::string_view rule, const std::string& bundle_path, const ReportStyle& style);

}  // namespace fdr
