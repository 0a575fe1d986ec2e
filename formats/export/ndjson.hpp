// Rows for SQL engines and log stores: one JSON object a line, all of one schema (FORMAT.md, section 5): bundle, host, time,
// kind, name, value, labels. What a row says beyond that is in its labels, under the keys of `fdr show PART --json`. The first row
// names the bundle by its contents and counts those that follow, so that who stores them knows that they are all there.
#pragma once

#include <string>

#include "formats/export/export_input.hpp"

namespace fdr {

std::string export_ndjson(const ExportInput& in);

}  // namespace fdr
