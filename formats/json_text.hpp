// JSON at the boundary: text that is always valid UTF-8 on the way out, bounded and type-checked on the way in.
//
// What is read is a stranger's: depth and number of values are bounded before the parser sees the text. Errors name the
// document and the key. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace fdr {

using Json = nlohmann::ordered_json;  // keys stay in the order we wrote them

inline constexpr std::size_t kMaxJsonDepth = 24;
inline constexpr std::size_t kMaxJsonValues = 500'000;

// Indented by two, a newline at the end; bytes that are not UTF-8 should have gone through valid_utf8(); what slips
// through becomes U+FFFD.
std::string dump_json(const Json& json);
// On one line, without a newline: for rows and NDJSON.
std::string dump_json_line(const Json& json);

// `document` names it in errors ("manifest.json"). Throws Error. Not a Json: an ordered object takes quadratic time to
// build.
nlohmann::json parse_json(std::string_view text, const std::string& document);

}  // namespace fdr
