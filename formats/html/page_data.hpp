// Everything the page shows, as one JSON object: the report, the charts, the flame graphs, the tables, and what was left out.
//
// Every string in it has passed printable() and is cut; every list is bounded. Pure.
#pragma once

#include <string>
#include <string_view>

#include "formats/bundle_reader.hpp"
#include "formats/json_text.hpp"

namespace fdr {

Json page_data(const Bundle& bundle, const FrameNames& names, std::string_view onset = {});

// JSON that may stand inside <script>: '<', '>', '&' and the line separators U+2028/9 are escaped, so that nothing in it ends
// the element or opens a comment.
std::string script_json(const Json& json);

}  // namespace fdr
