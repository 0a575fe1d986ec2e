// The tables of the page: the parts of `fdr show`, with the same columns, and at most so many rows of each. Pure.
#pragma once

#include "formats/html/name_table.hpp"
#include "formats/report/parts.hpp"

namespace fdr {

inline constexpr std::size_t kMaxTableRows = 400;

// `value` with every string in it printable and no longer than `most` columns.
Json shown(const Json& value, std::size_t most = 400);

// [{"id", "columns": [{"title", "show"}], "rows": [[...]], "stacks": [[name, ...]], "total"}]: of parts that have rows. `stacks`,
// where there are any, are one to a row, outermost function first.
Json table_data(const PartInput& input, NameTable& names);

}  // namespace fdr
