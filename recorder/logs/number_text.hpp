// The first number in a text: decimal, with sign, fraction and exponent; it begins where no letter, digit, '_' or '.' stands before
// it ("rx2 17" gives 17, "load=0.5ms" gives 0.5). Pure.
#pragma once

#include <optional>
#include <string_view>

namespace fdr {

std::optional<double> first_number(std::string_view text);

}  // namespace fdr
