#include "unwind/go_runtime.hpp"

#include <elf.h>

#include <array>
#include <map>
#include <string_view>

#include "formats/error.hpp"
#include "unwind/byte_cursor.hpp"
#include "unwind/byte_reader.hpp"
#include "unwind/debug_file.hpp"
#include "unwind/elf_sections.hpp"
#include "unwind/go_places.hpp"
#include "unwind/go_types.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxReasons = 128, kMaxText = 64, kMaxProcessors = 4096, kMaxG = 4096;
// runtime.moduledata: the address of the table, where the code begins, and the section of types, before which 1.20 put
// covctrs and ecovctrs.
constexpr std::uint64_t kMinPc = 160;
constexpr std::uint64_t types_offset(int version) { return version >= 20 ? 296 : 280; }

struct Slice {
  std::uint64_t data = 0, length = 0;
};
using Variables = std::map<std::string_view, std::uint64_t>;  // name -> vaddr

constexpr std::array<std::string_view, 7> kWanted = {"runtime.allgs",           "runtime.allp",
                                                     "runtime.sched",           "runtime.mbuckets",
                                                     "runtime.MemProfileRate",  "runtime.waitReasonStrings",
                                                     "runtime.buildVersion"};

Variables variables_of(const ElfImage& image) {
  Variables found;
  const auto symbols = find_section(image, ".symtab"), names = find_section(image, ".strtab");
  if (!symbols || !names) return found;
  const ByteReader reader(symbols->bytes);
  for (std::uint64_t at = 0; const auto symbol = reader.read<Elf64_Sym>(at); at += sizeof(Elf64_Sym)) {
    if (ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT || symbol->st_name >= names->bytes.size()) continue;
    const std::string_view name = ByteCursor(names->bytes.subspan(symbol->st_name)).text();
    if (!name.starts_with("runtime.")) continue;
    for (const std::string_view wanted : kWanted)
      if (name == wanted) found[wanted] = symbol->st_value;
  }
  return found;
}

std::string text_at(const RemoteMemory& memory, const Slice& text) {
  if (text.length == 0 || text.length > kMaxText) return "";
  std::string read(text.length, 0);
  RemotePart part{text.data, {reinterpret_cast<std::uint8_t*>(read.data()), read.size()}};
  memory({&part, 1});
  if (!part.whole) return "";
  for (const char c : read)
    if (c < ' ' || c > '~') return "";
  return read;
}

class Finder {
 public:
  Finder(const ElfImage& image, const GoPclntab& table, std::uint64_t bias, const RemoteMemory& memory)
      : image_(image), table_(table), memory_(memory), variables_(variables_of(image)) {
    found_.bias = bias;
  }

  GoRuntime find() {
    if (const auto version = read<Slice>("runtime.buildVersion")) found_.version = text_at(memory_, *version);
    if (variables_.empty()) {
      found_.problem = found_.heap_problem = "stripped: runtime.allgs and runtime.mbuckets have no symbol";
      return found_;
    }
    find_goroutines();
    if (found_.problem.empty()) find_count();
    find_heap();
    return found_;
  }

 private:
  std::uint64_t address(std::string_view name) const {
    const auto known = variables_.find(name);
    return known == variables_.end() ? 0 : known->second + found_.bias;
  }
  template <class T>
  std::optional<T> read(std::string_view name) const {
    const std::uint64_t at = address(name);
    return at ? read_remote<T>(memory_, at) : std::nullopt;
  }
  std::string with_version(std::string text) const {
    return found_.version.empty() ? text : text + " (" + found_.version + ")";
  }

  std::optional<GoTypes> types() const {
    const auto module = go_module_data(image_, table_);
    if (!module) return std::nullopt;
    const std::uint64_t at = *module + found_.bias;
    if (read_remote<std::uint64_t>(memory_, at) != table_.vaddr() + found_.bias ||
        read_remote<std::uint64_t>(memory_, at + kMinPc) != table_.begin() + found_.bias)
      return std::nullopt;
    const auto range = read_remote<std::array<std::uint64_t, 2>>(memory_, at + types_offset(table_.version()));
    if (!range || (*range)[0] < found_.bias || (*range)[0] >= (*range)[1]) return std::nullopt;
    return GoTypes(image_, (*range)[0] - found_.bias, (*range)[1] - found_.bias, found_.bias, memory_);
  }

  void find_goroutines() {
    found_.all_goroutines = address("runtime.allgs");
    auto descriptors = types();
    const auto g = descriptors ? descriptors->named("runtime.g") : std::nullopt;
    if (found_.all_goroutines == 0 || !g || g->size > kMaxG) {
      found_.problem = found_.all_goroutines == 0 ? "runtime.allgs has no symbol" : with_version("no layout of struct g");
      return;
    }
    GoLayout& layout = found_.g;
    layout.size = g->size;
    const struct {
      const char* path;
      std::uint64_t* to;
      std::uint64_t width;
    } wanted[] = {{"stack.lo", &layout.stack_low, 8},      {"stack.hi", &layout.stack_high, 8},
                  {"sched.sp", &layout.sched_sp, 8},       {"sched.pc", &layout.sched_pc, 8},
                  {"syscallsp", &layout.syscall_sp, 8},    {"syscallpc", &layout.syscall_pc, 8},
                  {"atomicstatus", &layout.status, 4},     {"goid", &layout.id, 8},
                  {"waitsince", &layout.wait_since, 8},    {"waitreason", &layout.wait_reason, 1},
                  {"gopc", &layout.go_pc, 8},              {"startpc", &layout.start_pc, 8}};
    for (const auto& [path, to, width] : wanted) {
      const auto offset = descriptors->offset(*g, path);
      if (!offset || *offset + width > g->size) {
        found_.problem = with_version(std::string("struct g has no ") + path);
        return;
      }
      *to = *offset;
    }
    // The first goroutine is the one that runs main, and has a stack.
    const auto all = read_remote<Slice>(memory_, found_.all_goroutines);
    found_.not_begun = all && all->length == 0;
    const auto first = all && all->length > 0 ? read_remote<std::uint64_t>(memory_, all->data) : std::nullopt;
    const auto id = first ? read_remote<std::uint64_t>(memory_, *first + layout.id) : std::nullopt;
    const auto stack = first ? read_remote<std::array<std::uint64_t, 2>>(memory_, *first + layout.stack_low) : std::nullopt;
    if (!id || !stack || *id == 0 || *id > 1'000'000 || (*stack)[0] >= (*stack)[1]) {
      found_.problem = with_version("runtime.allgs does not hold goroutines");
      return;
    }
    find_wait_reasons();
  }

  // An array of strings; what follows it in memory is not one of printable ASCII.
  void find_wait_reasons() {
    const std::uint64_t at = address("runtime.waitReasonStrings");
    for (std::size_t i = 0; at && i < kMaxReasons; ++i) {
      const auto text = read_remote<Slice>(memory_, at + i * sizeof(Slice));
      if (!text) return;
      std::string reason = text_at(memory_, *text);
      if (reason.empty() && i > 0) return;
      found_.wait_reasons.push_back(std::move(reason));
    }
  }

  // What runtime.gcount subtracts: free ones of the scheduler and of each processor, and the system's. In DWARF alone.
  void find_count() {
    const std::uint64_t scheduler = address("runtime.sched");
    const auto processors = read<Slice>("runtime.allp");
    if (scheduler == 0 || !processors || processors->length > kMaxProcessors) return;
    std::vector<std::uint64_t> all(processors->length);
    RemotePart part{processors->data, {reinterpret_cast<std::uint8_t*>(all.data()), all.size() * sizeof(std::uint64_t)}};
    memory_({&part, 1});
    if (!part.whole) return;
    try {
      DebugFile debug(image_, {});
      const auto free = debug.member_offset("runtime.schedt", "gFree.n"), system = debug.member_offset("runtime.schedt", "ngsys"),
                 own = debug.member_offset("runtime.p", "gFree.n");
      if (!free || !system || !own) return;
      found_.not_counted = {scheduler + *free, scheduler + *system};
      for (const std::uint64_t processor : all) found_.not_counted.push_back(processor + *own);
    } catch (const Error&) {  // its DWARF cannot be read: every goroutine is looked at
    }
  }

  void find_heap() {
    found_.buckets = address("runtime.mbuckets");
    found_.profile_rate = address("runtime.MemProfileRate");
    if (found_.buckets == 0 || found_.profile_rate == 0)
      found_.heap_problem = "runtime.mbuckets or runtime.MemProfileRate has no symbol";
  }

  const ElfImage& image_;
  const GoPclntab& table_;
  const RemoteMemory& memory_;
  Variables variables_;
  GoRuntime found_;
};

}  // namespace

GoRuntime find_go_runtime(const ElfImage& image, const GoPclntab& table, std::uint64_t bias, const RemoteMemory& memory) {
  return Finder(image, table, bias, memory).find();
}

}  // namespace fdr
