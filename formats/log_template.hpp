// What lines of a log have in common: "took 12.5 ms for 'a b'" -> "took <n> ms for <str>". Numbers (with what joins them: addresses, times
// of day), hexadecimal words, UUIDs and quoted strings are replaced; the rest is the template. Any bytes are taken; linear in
// their number. Pure.
#pragma once

#include <string>
#include <string_view>

namespace fdr {

inline constexpr std::size_t kMostTemplate = 300;  // bytes; what is longer is cut

std::string log_template(std::string_view line);

}  // namespace fdr
