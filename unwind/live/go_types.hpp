// The layout of a Go program's own structs, from the descriptors that the runtime keeps of its types (reflect, internal/abi:
// Type, StructType, StructField). No linker strips them, so offsets need neither DWARF nor a table of versions. The
// descriptor is found in the file by its name; what it points to is read from the process, where addresses are final.
// Hostile: counts are bounded, what does not hold together is nothing. The image must outlive it. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "unwind/elf_image.hpp"
#include "unwind/live/remote_memory.hpp"

namespace fdr {

class GoTypes {
 public:
  // The section of types in the linker's addresses (runtime.types, runtime.etypes); the process has it at `bias` more.
  GoTypes(const ElfImage& image, std::uint64_t begin, std::uint64_t end, std::uint64_t bias, const RemoteMemory& memory)
      : image_(&image), begin_(begin), end_(end), bias_(bias), memory_(memory) {}

  struct Field {
    std::string name;
    std::uint64_t offset = 0, type = 0;  // type: address of its descriptor
  };
  struct Struct {
    std::uint64_t size = 0;
    std::vector<Field> fields;
    const Field* find(std::string_view name) const;
  };

  std::optional<Struct> named(std::string_view name);  // "runtime.g"
  std::optional<Struct> at(std::uint64_t descriptor) const;
  // Offset of "sched.pc" in `of`.
  std::optional<std::uint64_t> offset(const Struct& of, std::string_view path) const;

 private:
  std::optional<std::string> name_at(std::uint64_t address) const;

  const ElfImage* image_;
  std::uint64_t begin_, end_, bias_;
  RemoteMemory memory_;
  bool long_names_ = false;  // up to Go 1.16 a name's length has two bytes, since then it is a varint
};

}  // namespace fdr
