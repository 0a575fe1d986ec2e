// Failures by (process, number, errno), as a backend counted them.
#pragma once

#include <cstdint>

namespace fdr {

struct ErrnoTotal {
  std::uint32_t tgid = 0;
  std::uint16_t nr = 0;  // with FDR_NR_* bits
  std::uint16_t error = 0;
  std::uint64_t count = 0;
};

}  // namespace fdr
