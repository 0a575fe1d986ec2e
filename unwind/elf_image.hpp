// A read-only view of one ELF file of the target (mapped), or of a copy of the vDSO's pages: its program headers and
// notes, checked.
//
// Only 64-bit little-endian x86 images. The file is hostile: every offset and size in it is checked against its length
// before use, and a file that does not hold together is refused with a reason. Section headers are not needed, and not
// looked at. What is cut off a file while it is mapped reads as zeros from then on (cut_file.hpp), so a check before does
// not hold for what is read again. Owned by whoever opened it, mostly ModuleFiles; immutable, so any thread may read it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
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
  // What the file has of the PT_LOAD that `vaddr` is in, from there on; empty where it has nothing.
  std::span<const std::uint8_t> loaded_bytes(std::uint64_t vaddr) const;
  std::optional<Segment> eh_frame_header() const { return eh_frame_header_; }  // PT_GNU_EH_FRAME, whole inside the file
  // PT_DYNAMIC (Elf64_Dyn, one after another), as much as the file has; empty where there is none.
  std::span<const std::uint8_t> dynamic() const { return dynamic_; }
  bool has_go_note() const { return has_go_note_; }  // of whatever type: Go's linker wrote it

 private:
  ElfImage() = default;
  bool parse(std::string* problem);
  void read_notes(std::span<const std::uint8_t> segment, std::uint64_t align, std::string_view& go_build_id);

  std::string path_;
  std::vector<std::uint8_t> copy_;  // of one from memory
  void* mapped_ = nullptr;
  std::span<const std::uint8_t> bytes_;
  std::string build_id_;
  bool has_go_note_ = false;
  std::vector<Segment> segments_;
  std::optional<Segment> eh_frame_header_;
  std::span<const std::uint8_t> dynamic_;
};

}  // namespace fdr
