#include "unwind/live/go_runtime.hpp"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <map>
#include <string_view>

#include "formats/byte_cursor.hpp"
#include "formats/error.hpp"
#include "unwind/byte_reader.hpp"
#include "unwind/debug_file.hpp"
#include "unwind/elf_sections.hpp"
#include "unwind/go_code.hpp"
#include "unwind/go_places.hpp"
#include "unwind/live/go_types.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxReasons = 128, kMaxText = 64, kMaxProcessors = 4096, kMaxG = 4096, kDefaultRate = 512 << 10;
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
    const auto rest = names->bytes.subspan(symbol->st_name);
    const std::string_view name = ByteCursor(rest.first(std::min(rest.size(), kMaxText))).text();
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

// Of debug/buildinfo, from Go 1.18 on: a head of 32 bytes (a magic, the size of a pointer, flags), then a string.
std::string build_version(const ElfImage& image) {
  constexpr std::string_view kMagic = "\xff Go buildinf:";
  const auto section = find_section(image, ".go.buildinfo");
  if (!section || section->bytes.size() < 33 || std::memcmp(section->bytes.data(), kMagic.data(), kMagic.size()) != 0) return "";
  if (!(section->bytes[15] & 2)) return "";
  ByteCursor cursor(section->bytes.subspan(32));
  const std::uint64_t length = cursor.uleb128();
  if (length > kMaxText) return "";
  const auto text = cursor.take(length);
  return {text.begin(), text.end()};
}

class Finder {
 public:
  Finder(const ElfImage& image, const GoPclntab& table, std::uint64_t bias, const RemoteMemory& memory)
      : image_(image), table_(table), memory_(memory), variables_(variables_of(image)) {
    found_.bias = bias;
  }

  GoRuntime find() {
    found_.version = build_version(image_);
    const auto version = found_.version.empty() ? read<Slice>("runtime.buildVersion") : std::nullopt;
    if (version) found_.version = text_at(memory_, *version);
    stripped_ = variables_.empty();
    find_goroutines();
    if (found_.problem.empty()) find_count();
    find_heap();
    return found_;
  }

 private:
  // Of a stripped program: the first place that one of these functions refers to and that holds what is looked for. What
  // is found so has been checked against the memory; what is not there yet is not found.
  template <class Holds>
  std::uint64_t from_code(std::initializer_list<std::string_view> functions, Holds holds) {
    static constexpr std::array<std::string_view, 6> kAll = {"runtime.allgadd",    "runtime.stkbucket",
                                                             "runtime.MemProfile", "runtime.mallocgc",
                                                             "runtime.nextSample", "runtime.waitReason.String"};
    if (!references_) references_ = go_data_references(image_, table_, kAll);
    for (const std::string_view name : functions)
      for (const std::uint64_t vaddr : (*references_)[name])
        if (holds(vaddr + found_.bias)) return vaddr + found_.bias;
    return 0;
  }

  // runtime.allgs: the first goroutine has a stack; it is the one that runs main and has the number 1, unless main called
  // runtime.Goexit.
  bool holds_goroutines(std::uint64_t at) const {
    const auto all = read_remote<std::array<std::uint64_t, 3>>(memory_, at);
    if (!all || (*all)[1] == 0 || (*all)[1] > (*all)[2]) return false;
    const auto first = read_remote<std::uint64_t>(memory_, (*all)[0]);
    const auto id = first ? read_remote<std::uint64_t>(memory_, *first + found_.g.id) : std::nullopt;
    const auto stack = first ? read_remote<std::array<std::uint64_t, 2>>(memory_, *first + found_.g.stack_low) : std::nullopt;
    return id && stack && (stripped_ ? *id == 1 : *id != 0) && (*stack)[0] < (*stack)[1];
  }
  // runtime.mbuckets: leads to a bucket of the memory profile that was made by code.
  bool holds_buckets(std::uint64_t at) const {
    const auto head = read_remote<std::uint64_t>(memory_, at);
    const auto bucket = head && *head ? read_remote<std::array<std::uint64_t, 7>>(memory_, *head) : std::nullopt;
    if (!bucket || (*bucket)[2] != 1 || (*bucket)[4] == 0 || (*bucket)[5] == 0 || (*bucket)[5] > 1024) return false;
    return table_.find((*bucket)[6] - found_.bias - 1).has_value();
  }
  bool holds_reasons(std::uint64_t at) const {
    const auto texts = read_remote<std::array<Slice, 3>>(memory_, at);
    return texts && (*texts)[0].length == 0 && !text_at(memory_, (*texts)[1]).empty() && !text_at(memory_, (*texts)[2]).empty();
  }

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
    auto descriptors = types();
    const auto g = descriptors ? descriptors->named("runtime.g") : std::nullopt;
    if (!g || g->size > kMaxG) {
      found_.problem = with_version("no layout of struct g");
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
    found_.all_goroutines = stripped_ ? from_code({"runtime.allgadd"}, [&](std::uint64_t at) { return holds_goroutines(at); })
                                      : address("runtime.allgs");
    const auto all = found_.all_goroutines ? read_remote<Slice>(memory_, found_.all_goroutines) : std::nullopt;
    found_.not_begun = stripped_ ? found_.all_goroutines == 0 : all && all->length == 0;
    if (found_.all_goroutines == 0)
      found_.problem = stripped_ ? "stripped: runtime.allgs has no symbol, and its code does not lead to it" : "runtime.allgs has no symbol";
    else if (!holds_goroutines(found_.all_goroutines))
      found_.problem = with_version("runtime.allgs does not hold goroutines");
    if (!found_.problem.empty()) return;
    find_wait_reasons();
  }

  // An array of strings; what follows it in memory is not one of printable ASCII.
  void find_wait_reasons() {
    const std::uint64_t at = stripped_ ? from_code({"runtime.waitReason.String"}, [&](std::uint64_t place) { return holds_reasons(place); })
                                       : address("runtime.waitReasonStrings");
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
    if (stripped_) {
      found_.buckets = from_code({"runtime.stkbucket", "runtime.MemProfile"}, [&](std::uint64_t at) { return holds_buckets(at); });
      // By its default, which few programs change: anything else could be anything.
      found_.profile_rate = from_code({"runtime.nextSample", "runtime.mallocgc"}, [&](std::uint64_t at) {
        return read_remote<std::uint64_t>(memory_, at) == kDefaultRate;
      });
      if (found_.buckets == 0 || found_.profile_rate == 0)
        found_.heap_problem = "stripped: runtime.mbuckets and runtime.MemProfileRate have no symbol, and its code does not lead to them "
                              "(or it keeps no profile)";
      return;
    }
    found_.buckets = address("runtime.mbuckets");
    found_.profile_rate = address("runtime.MemProfileRate");
    if (found_.buckets == 0 || found_.profile_rate == 0)
      found_.heap_problem = "runtime.mbuckets or runtime.MemProfileRate has no symbol";
  }

  const ElfImage& image_;
  const GoPclntab& table_;
  const RemoteMemory& memory_;
  Variables variables_;
  bool stripped_ = false;
  std::optional<std::map<std::string_view, std::vector<std::uint64_t>>> references_;
  GoRuntime found_;
};

}  // namespace

GoRuntime find_go_runtime(const ElfImage& image, const GoPclntab& table, std::uint64_t bias, const RemoteMemory& memory) {
  return Finder(image, table, bias, memory).find();
}

}  // namespace fdr
