// gzip of bytes in memory, for formats that are read compressed. Throws Error where memory is short. Pure.
#pragma once

#include <string>
#include <string_view>

namespace fdr {

std::string gzip(std::string_view bytes);

}  // namespace fdr
