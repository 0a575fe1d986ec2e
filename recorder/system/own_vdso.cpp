#include "recorder/system/own_vdso.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "recorder/system/small_file.hpp"
#include "unwind/address_space.hpp"

namespace fdr {

std::unique_ptr<ElfImage> own_vdso() {
  for (const Mapping& mapping : parse_maps(read_small_file("/proc/self/maps", 4u << 20).value_or(""))) {
    if (mapping.module.kind != ModuleKind::kVdso) continue;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(mapping.start);
    std::string problem;
    return ElfImage::from_memory(std::vector<std::uint8_t>(bytes, bytes + (mapping.end - mapping.start)), &problem);
  }
  return nullptr;
}

}  // namespace fdr
