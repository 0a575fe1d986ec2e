#include "unwind/own_vdso.hpp"

#include <elf.h>
#include <sys/auxv.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace fdr {

namespace {

constexpr std::uint64_t kPage = 4096;

// All that its headers speak of, in whole pages: it is mapped as one piece, its file's beginning first
// (arch/x86/entry/vdso/vma.c). The kernel's own word: not checked further.
std::uint64_t size_of(const std::uint8_t* image) {
  Elf64_Ehdr header;
  std::memcpy(&header, image, sizeof header);
  std::uint64_t end = header.e_shoff + std::uint64_t{header.e_shnum} * header.e_shentsize;
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr program;
    std::memcpy(&program, image + header.e_phoff + i * sizeof program, sizeof program);
    if (program.p_type == PT_LOAD) end = std::max(end, program.p_offset + program.p_filesz);
  }
  return (end + kPage - 1) / kPage * kPage;
}

}  // namespace

std::unique_ptr<ElfImage> own_vdso() {
  const auto* image = reinterpret_cast<const std::uint8_t*>(::getauxval(AT_SYSINFO_EHDR));
  if (!image || std::memcmp(image, ELFMAG, SELFMAG) != 0) return nullptr;
  std::string problem;
  return ElfImage::from_memory(std::vector<std::uint8_t>(image, image + size_of(image)), &problem);
}

}  // namespace fdr
