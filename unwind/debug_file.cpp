#include "unwind/debug_file.hpp"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "formats/error.hpp"
#include "formats/temporary.hpp"
#include "unwind/plain_file.hpp"

namespace fdr {

namespace {

// libdwfl's search path: "+" checks what is found; relative entries are looked for beside the file.
std::string search_path(const ModuleSearch& search) {
  std::string path = "+";
  const auto add = [&](const std::string& directory) {
    if (!directory.empty() && directory.find(':') == std::string::npos) path += directory + ":";
  };
  for (const std::string& directory : search.debug_dirs) add(directory);
  if (!search.sysroot.empty()) add(search.sysroot + "/usr/lib/debug");
  return path + ".debug:/usr/lib/debug:";
}

int open_image(const ElfImage& image) {
  if (!image.path().empty()) return ::open(image.path().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  const FileDescriptor file = nameless_file("fdr-image");
  std::span<const std::uint8_t> rest = image.bytes();
  while (file.valid() && !rest.empty()) {
    const ssize_t written = ::write(file.get(), rest.data(), rest.size());
    if (written <= 0) return -1;
    rest = rest.subspan(static_cast<std::size_t>(written));
  }
  return file.valid() ? ::fcntl(file.get(), F_DUPFD_CLOEXEC, 0) : -1;
}

// libdwfl's own, but for files that it must not be let open: what .gnu_debuglink names lies beside the program.
int find_debug_file(Dwfl_Module* module, void** data, const char* name, Dwarf_Addr base, const char* file, const char* link, GElf_Word sum, char** found) {
  const std::string path = file ? file : "";
  const std::string beside = path.substr(0, path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  if (link && (!is_plain_or_absent(path_from(beside, "", link)) || !is_plain_or_absent(path_from(beside, ".debug", link)))) return -1;
  return dwfl_standard_find_debuginfo(module, data, name, base, file, link, sum, found);
}

bool has_section(Elf* elf, unsigned type, const char* wanted) {
  std::size_t names = 0;
  if (!elf || elf_getshdrstrndx(elf, &names) != 0) return false;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section));) {
    GElf_Shdr header;
    if (!gelf_getshdr(section, &header)) continue;
    if (wanted) {
      const char* name = elf_strptr(elf, names, header.sh_name);
      if (name && std::strcmp(name, wanted) == 0) return true;
    } else if (header.sh_type == type) {
      return true;
    }
  }
  return false;
}

bool find_structure(Dwarf* dwarf, const std::string& name, Dwarf_Die* found) {
  Dwarf_Off offset = 0, next = 0;
  std::size_t header = 0;
  for (; dwarf_nextcu(dwarf, offset, &next, &header, nullptr, nullptr, nullptr) == 0; offset = next) {
    Dwarf_Die unit;
    if (!dwarf_offdie(dwarf, offset + header, &unit) || dwarf_child(&unit, found) != 0) continue;
    do {
      const char* const here = dwarf_tag(found) == DW_TAG_structure_type ? dwarf_diename(found) : nullptr;
      if (here && name == here) return true;
    } while (dwarf_siblingof(found, found) == 0);
  }
  return false;
}

// `*type`: the struct that the member is, where it is one; may be `structure` itself.
std::optional<std::uint64_t> offset_of_member(Dwarf_Die* structure, const std::string& name, Dwarf_Die* type) {
  Dwarf_Die member;
  if (dwarf_child(structure, &member) != 0) return std::nullopt;
  do {
    const char* const here = dwarf_tag(&member) == DW_TAG_member ? dwarf_diename(&member) : nullptr;
    if (!here || name != here) continue;
    Dwarf_Attribute where, what;
    Dwarf_Word offset = 0;
    if (!dwarf_attr(&member, DW_AT_data_member_location, &where)) return std::nullopt;
    if (dwarf_formudata(&where, &offset) != 0) {  // Go writes an expression: DW_OP_plus_uconst
      Dwarf_Op* operations = nullptr;
      std::size_t count = 0;
      if (dwarf_getlocation(&where, &operations, &count) != 0 || count != 1 || operations->atom != DW_OP_plus_uconst)
        return std::nullopt;
      offset = operations->number;
    }
    if (dwarf_attr(&member, DW_AT_type, &what)) dwarf_formref_die(&what, type);
    return offset;
  } while (dwarf_siblingof(&member, &member) == 0);
  return std::nullopt;
}

}  // namespace

void never_download() { ::unsetenv("DEBUGINFOD_URLS"); }

class DebugFile::Impl {
 public:
  Impl(const ElfImage& image, const ModuleSearch& search) : path_(search_path(search)), path_pointer_(path_.data()) {
    never_download();
    callbacks_.find_elf = dwfl_build_id_find_elf;
    callbacks_.find_debuginfo = find_debug_file;
    callbacks_.section_address = dwfl_offline_section_address;
    callbacks_.debuginfo_path = &path_pointer_;
    if (!(dwfl_ = dwfl_begin(&callbacks_))) throw Error(std::string("libdwfl: ") + dwfl_errmsg(-1));
    const int fd = open_image(image);
    dwfl_report_begin(dwfl_);
    // At base 0 with the file's own addresses: then libdwfl's addresses are vaddrs.
    if (fd >= 0) module_ = dwfl_report_elf(dwfl_, "module", image.path().c_str(), fd, 0, true);
    dwfl_report_end(dwfl_, nullptr, nullptr);
    if (module_) return;
    const std::string why = fd < 0 ? std::strerror(errno) : dwfl_errmsg(-1);
    if (fd >= 0) ::close(fd);  // libdwfl takes it only with success
    dwfl_end(dwfl_);
    throw Error(why);
  }
  ~Impl() { dwfl_end(dwfl_); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::string path_;
  char* path_pointer_;
  Dwfl_Callbacks callbacks_{};
  Dwfl* dwfl_ = nullptr;
  Dwfl_Module* module_ = nullptr;
  Dwarf* dwarf_ = nullptr;
  Dwarf_Addr dwarf_bias_ = 0;
  std::string symbol_source_;
};

DebugFile::DebugFile(const ElfImage& image, const ModuleSearch& search)
    : impl_(std::make_unique<Impl>(image, search)) {}
DebugFile::~DebugFile() = default;

Dwarf* DebugFile::dwarf() {
  if (!impl_->dwarf_) impl_->dwarf_ = dwfl_module_getdwarf(impl_->module_, &impl_->dwarf_bias_);
  return impl_->dwarf_;
}

// As libdw finds it out for itself: by what its descriptor is called.
std::string DebugFile::dwarf_directory() {
  const char* main_file = nullptr;
  const char* debug_file = nullptr;
  if (!dwarf() || !dwfl_module_info(impl_->module_, nullptr, nullptr, nullptr, nullptr, nullptr, &main_file, &debug_file)) return "";
  const char* const file = debug_file ? debug_file : main_file;
  const std::unique_ptr<char, void (*)(void*)> real(file ? ::realpath(file, nullptr) : nullptr, std::free);
  if (!real) return "";
  const std::string path = real.get();
  return path.substr(0, path.rfind('/'));
}

std::uint64_t DebugFile::dwarf_address(std::uint64_t vaddr) const { return vaddr - impl_->dwarf_bias_; }

std::optional<std::uint64_t> DebugFile::member_offset(const std::string& structure, const std::string& path) {
  Dwarf_Die found;
  if (!dwarf() || !find_structure(impl_->dwarf_, structure, &found)) return std::nullopt;
  std::uint64_t offset = 0;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t dot = std::min(path.find('.', at), path.size());
    const auto member = offset_of_member(&found, path.substr(at, dot - at), &found);
    if (!member) return std::nullopt;
    offset += *member;
    at = dot + 1;
  }
  return offset;
}

std::vector<ElfSymbol> DebugFile::symbols() {
  GElf_Addr bias = 0;
  Elf* const main_elf = dwfl_module_getelf(impl_->module_, &bias);
  const bool main_has_symtab = has_section(main_elf, SHT_SYMTAB, nullptr);
  Elf* const debug_elf = impl_->dwarf_ ? dwarf_getelf(impl_->dwarf_) : nullptr;
  const bool compressed = has_section(main_elf, 0, ".gnu_debugdata");
  bool from_symtab = false, from_debugdata = false;

  std::vector<ElfSymbol> symbols;
  const int count = dwfl_module_getsymtab(impl_->module_);
  for (int i = 1; i < count; ++i) {
    GElf_Sym symbol;
    GElf_Addr address = 0;
    Elf* elf = nullptr;
    const char* name = dwfl_module_getsym_info(impl_->module_, i, &symbol, &address, nullptr, &elf, nullptr);
    if (!name || !*name || symbol.st_shndx == SHN_UNDEF || symbol.st_size == 0) continue;
    const auto rank = function_rank(symbol.st_info);
    if (!rank) continue;
    symbols.push_back({address, symbol.st_size, name, *rank});
    if (elf == main_elf)
      from_symtab |= main_has_symtab;
    else if (elf != debug_elf && compressed)
      from_debugdata = true;
    else
      from_symtab = true;
  }
  impl_->symbol_source_ = symbols.empty() ? "" : from_symtab ? "symtab" : from_debugdata ? "gnu_debugdata" : "dynsym";
  return symbols;
}

std::string DebugFile::symbol_source() { return impl_->symbol_source_; }

}  // namespace fdr
