// The metrics as CSV (RFC 4180: CRLF, fields quoted where they must be), one row for each time and name, as recorded: counters
// are counters, not rates. Columns: time (UTC), at_s (seconds from the firing), monotonic_ns, name, unit, kind (gauge, counter),
// value.
#pragma once

#include <string>

#include "formats/export/export_input.hpp"

namespace fdr {

std::string export_csv(const ExportInput& in);

}  // namespace fdr
