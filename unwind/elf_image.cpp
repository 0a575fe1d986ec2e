#include "unwind/elf_image.hpp"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "formats/file_descriptor.hpp"
#include "formats/sha256.hpp"
#include "unwind/byte_reader.hpp"

namespace fdr {

namespace {

constexpr std::size_t kMaxProgramHeaders = 256;
constexpr std::size_t kMaxNotes = 1 << 20;  // bytes of one segment; honest ones have some hundred
constexpr std::size_t kMaxBuildId = 64, kMaxGoBuildId = 1024, kGoBuildIdText = 40;
constexpr std::string_view kGnuName("GNU\0", 4), kGoName("Go\0\0", 4);
constexpr std::uint32_t kGoBuildId = 4;  // type of the note "Go" (cmd/link/internal/ld/elf.go: ELF_NOTE_GOBUILDID_TAG)

std::uint64_t round_up(std::uint64_t value, std::uint64_t align) { return (value + align - 1) / align * align; }

struct Note {
  std::uint32_t type = 0;
  std::string_view name;  // with its zeros
  std::span<const std::uint8_t> data;
};

// The note at `at`, which moves behind it; nothing behind the last, and where one is cut. `align`: of the segment.
std::optional<Note> next_note(const ByteReader& notes, std::uint64_t align, std::uint64_t& at) {
  const auto header = notes.read<Elf64_Nhdr>(at);
  if (!header) return std::nullopt;
  const std::uint64_t name_at = at + sizeof(Elf64_Nhdr);
  const std::uint64_t data_at = round_up(name_at + header->n_namesz, align);
  const auto name = notes.slice(name_at, header->n_namesz);
  const auto data = notes.slice(data_at, header->n_descsz);
  if (!name || !data) return std::nullopt;
  at = round_up(data_at + header->n_descsz, align);
  return Note{header->n_type, {reinterpret_cast<const char*>(name->data()), name->size()}, *data};
}

}  // namespace

std::unique_ptr<ElfImage> ElfImage::open(const std::string& path, std::string* problem) {
  // stat before open: merely opening a device node may do something.
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return *problem = std::strerror(errno), nullptr;
  if (!S_ISREG(status.st_mode)) return *problem = "not a regular file", nullptr;
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid() || ::fstat(file.get(), &status) != 0) return *problem = std::strerror(errno), nullptr;
  if (!S_ISREG(status.st_mode)) return *problem = "not a regular file", nullptr;
  if (status.st_size < static_cast<off_t>(sizeof(Elf64_Ehdr))) return *problem = "not an ELF file", nullptr;

  std::unique_ptr<ElfImage> image(new ElfImage);
  const auto size = static_cast<std::size_t>(status.st_size);
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapped == MAP_FAILED) return *problem = std::strerror(errno), nullptr;
  image->mapped_ = mapped;
  image->bytes_ = {static_cast<const std::uint8_t*>(mapped), size};
  image->path_ = path;
  if (!image->parse(problem)) return nullptr;
  return image;
}

std::unique_ptr<ElfImage> ElfImage::from_memory(std::vector<std::uint8_t> bytes, std::string* problem) {
  std::unique_ptr<ElfImage> image(new ElfImage);
  image->copy_ = std::move(bytes);
  image->bytes_ = image->copy_;
  if (!image->parse(problem)) return nullptr;
  return image;
}

ElfImage::~ElfImage() {
  if (mapped_) ::munmap(mapped_, bytes_.size());
}

bool ElfImage::parse(std::string* problem) {
  const ByteReader reader(bytes_);
  const auto header = reader.read<Elf64_Ehdr>(0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return *problem = "not an ELF file", false;
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
      header->e_machine != EM_X86_64)
    return *problem = "not an x86-64 ELF file", false;
  if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
    return *problem = "neither a program nor a shared library", false;
  if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum > kMaxProgramHeaders)
    return *problem = "damaged program headers", false;

  std::string_view go_build_id;
  for (std::size_t i = 0; i < header->e_phnum; ++i) {
    if (header->e_phoff > bytes_.size()) return *problem = "program headers lie outside the file", false;
    const auto program = reader.read<Elf64_Phdr>(header->e_phoff + i * sizeof(Elf64_Phdr));
    if (!program) return *problem = "program headers lie outside the file", false;
    const Segment segment{program->p_vaddr, program->p_offset, program->p_filesz, program->p_memsz,
                          (program->p_flags & PF_X) != 0};
    const bool in_file = reader.slice(segment.offset, segment.file_size).has_value();
    if (program->p_type == PT_LOAD) {
      // A file cut short keeps its readable part: bytes() is what bounds every read.
      if (segment.vaddr + segment.memory_size < segment.vaddr || segment.offset + segment.file_size < segment.offset ||
          segment.vaddr + segment.file_size < segment.vaddr)
        return *problem = "a segment wraps around", false;
      segments_.push_back(segment);
    } else if (program->p_type == PT_GNU_EH_FRAME && in_file && segment.file_size > 0) {
      eh_frame_header_ = segment;
    } else if (program->p_type == PT_DYNAMIC && dynamic_.empty() && segment.offset <= bytes_.size()) {
      dynamic_ = bytes_.subspan(segment.offset, std::min<std::uint64_t>(segment.file_size, bytes_.size() - segment.offset));
    } else if (program->p_type == PT_NOTE && in_file) {
      const auto notes = bytes_.subspan(segment.offset, std::min<std::uint64_t>(segment.file_size, kMaxNotes));
      read_notes(notes, program->p_align == 8 ? 8 : 4, go_build_id);
    }
  }
  if (segments_.empty()) return *problem = "no loadable segment", false;
  // Go's linker gives no GNU build-id of its own accord, but a text of its own: as good to tell one build from another.
  if (build_id_.empty() && !go_build_id.empty()) build_id_ = sha256_hex(go_build_id).substr(0, kGoBuildIdText);
  return true;
}

void ElfImage::read_notes(std::span<const std::uint8_t> segment, std::uint64_t align, std::string_view& go_build_id) {
  const ByteReader notes(segment);
  std::uint64_t at = 0;
  while (const auto note = next_note(notes, align, at)) {
    const std::string_view data(reinterpret_cast<const char*>(note->data.data()), note->data.size());
    if (note->name == kGoName) {
      has_go_note_ = true;
      if (note->type == kGoBuildId && data.size() <= kMaxGoBuildId && go_build_id.empty()) go_build_id = data;
    } else if (note->name == kGnuName && note->type == NT_GNU_BUILD_ID && data.size() <= kMaxBuildId && build_id_.empty()) {
      for (const std::uint8_t byte : note->data) build_id_ += fmt::format("{:02x}", byte);
    }
  }
}

std::optional<std::uint64_t> ElfImage::vaddr_of_offset(std::uint64_t offset) const {
  // Neighbouring segments may share a page of the file; an executable one is what a code offset means.
  const Segment* found = nullptr;
  for (const Segment& segment : segments_) {
    if (offset < segment.offset || offset - segment.offset >= segment.file_size) continue;
    if (!found || segment.executable) found = &segment;
  }
  if (!found) return std::nullopt;
  return found->vaddr + (offset - found->offset);
}

std::optional<std::uint64_t> ElfImage::offset_of_vaddr(std::uint64_t vaddr) const {
  for (const Segment& segment : segments_)
    if (vaddr >= segment.vaddr && vaddr - segment.vaddr < segment.file_size)
      return segment.offset + (vaddr - segment.vaddr);
  return std::nullopt;
}

std::span<const std::uint8_t> ElfImage::loaded_bytes(std::uint64_t vaddr) const {
  for (const Segment& segment : segments_) {
    if (vaddr < segment.vaddr || vaddr - segment.vaddr >= segment.file_size) continue;
    const std::uint64_t offset = segment.offset + (vaddr - segment.vaddr);
    if (offset >= bytes_.size()) return {};
    return bytes_.subspan(offset, std::min(segment.file_size - (vaddr - segment.vaddr), bytes_.size() - offset));
  }
  return {};
}

}  // namespace fdr
