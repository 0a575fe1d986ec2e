// A read-only view of one ELF file of the target (mapped), or of a copy of the vDSO's pages: its program headers and
// build-id, checked.
//
// Only 64-bit little-endian x86 images. The file is hostile: every offset and size in it is checked against its length
// before use, and a file that does not hold together is refused with a reason. Section headers are not needed, and not
// looked at. A file that shrinks while it is mapped can still fault (SIGBUS), as with any mapping. Owned by
// ModuleFiles; immutable, so any thread may read it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fdr {

class ElfImage {
 public:
  struct Segment {
    std::uint64_t vaddr = 0, offset = 0, file_size = 0, memory_size = 0;
    bool executable = false;
  };

  // nullptr and `*problem` ("not an ELF file", "Permission denied") where it cannot be had. Devices and FIFOs are never
  // opened.
  static std::unique_ptr<ElfImage> open(const std::string& path, std::string* problem);
  static std::unique_ptr<ElfImage> from_memory(std::vector<std::uint8_t> bytes, std::string* problem);
  ~ElfImage();
  ElfImage(const ElfImage&) = delete;
  ElfImage& operator=(const ElfImage&) = delete;

  std::span<const std::uint8_t> bytes() const { return bytes_; }
  const std::string& path() const { return path_; }                   // empty for one from memory
  std::string build_id() const { return build_id_; }                  // lower-case hex, empty where there is none
  const std::vector<Segment>& segments() const { return segments_; }  // PT_LOAD, in the file's order
  // A position inside a PT_LOAD, from the file's point of view to the linker's and back; only where file and memory
  // both have bytes.
  std::optional<std::uint64_t> vaddr_of_offset(std::uint64_t offset) const;
  std::optional<std::uint64_t> offset_of_vaddr(std::uint64_t vaddr) const;
  std::optional<Segment> eh_frame_header() const { return eh_frame_header_; }  // PT_GNU_EH_FRAME, whole inside the file

 private:
  ElfImage() = default;
  bool parse(std::string* problem);
  void read_build_id(std::uint64_t offset, std::uint64_t size, std::uint64_t align);

  std::string path_;
  std::vector<std::uint8_t> copy_;  // of one from memory
  void* mapped_ = nullptr;
  std::span<const std::uint8_t> bytes_;
  std::string build_id_;
  std::vector<Segment> segments_;
  std::optional<Segment> eh_frame_header_;
};

}  // namespace fdr
