// The part of `fdr report` about the targets' Go programs: how many goroutines now and at the start, where most of them stand, and
// which allocation sites grew. Empty where no target is one. Pure.
#pragma once

#include <string>

#include "formats/manifest.hpp"
#include "formats/report/report.hpp"

namespace fdr {

std::string go_section(const std::string& bundle_path, const Manifest& manifest, const ReportStyle& style);

}  // namespace fdr
