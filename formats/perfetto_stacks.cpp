#include "formats/perfetto_stacks.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace fdr::perfetto {

std::string bytes_of_hex(const std::string& hex) {
  std::string bytes;
  const auto digit = [](char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; };
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (hex.size() % 2 || !std::all_of(hex.begin(), hex.end(), is_digit)) return {};
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  return bytes;
}

// What Perfetto's tools take for the kernel.
std::string shown_path(const Module& module) { return module.kind == ModuleKind::kKernel ? "[kernel.kallsyms]" : module.path; }

namespace {

using Message = protozero::pbf_writer;

constexpr std::size_t kPacketBytes = 64 * 1024;
constexpr std::size_t kMaxFrames = 4096;                  // of one stack
constexpr std::size_t kMaxString = 4096 + 64;             // a path's bytes at most, and what is put around them

std::string hex_of_bytes(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex.push_back(kDigits[static_cast<std::uint8_t>(c) >> 4]);
    hex.push_back(kDigits[c & 15]);
  }
  return hex;
}

// One packet under construction: its interned data, and the companions.
class StackWriter {
 public:
  StackWriter(PacketStream& stream, const StackTable& stacks) : stream_(stream), stacks_(stacks) {}

  void write() {
    for (std::uint32_t i = 0; i < stacks_.modules().size(); ++i) put_module(i, stacks_.modules()[i]);
    for (std::uint32_t i = 0; i < stacks_.frames().size(); ++i) put_frame(i, stacks_.frames()[i]);
    for (std::uint32_t i = 0; i < stacks_.stack_count(); ++i) put_stack(i, stacks_.stack(i));
    put_packet();
  }

 private:
  // The iid of a string in one of the interned tables; the table gets it when it is new.
  std::uint64_t string(Field table, const std::string& text) {
    auto& known = strings_[table];
    const auto [entry, fresh] = known.try_emplace(text, known.size() + 1);
    if (fresh) {
      Message data{interned_};
      Message message{data, table};
      message.add_uint64(interned::kIid, entry->second);
      message.add_bytes(interned::kStr, text);
    }
    return entry->second;
  }

  void put_module(std::uint32_t index, const Module& module) {
    const std::string build_id = bytes_of_hex(module.build_id);
    const std::uint64_t build_id_iid = build_id.empty() ? 0 : string(interned::kBuildIds, build_id);
    const std::uint64_t path_iid = string(interned::kMappingPaths, shown_path(module));
    {
      Message data{interned_};
      Message mapping{data, interned::kMappings};
      mapping.add_uint64(interned::kIid, index + 1);
      if (build_id_iid) mapping.add_uint64(interned::kBuildId, build_id_iid);
      mapping.add_uint64(interned::kPathStrings, path_iid);
    }
    Message message{modules_.emplace_back()};
    message.add_enum(module::kKind, static_cast<std::int32_t>(module.kind));
    if (module.path != shown_path(module)) message.add_string(module::kPath, module.path);
    end_entry();
  }

  void put_frame(std::uint32_t index, const Frame& frame) {
    const std::uint64_t name = string(interned::kFunctionNames, stacks_.frame_label(index));
    {
      Message data{interned_};
      Message message{data, interned::kFrames};
      message.add_uint64(interned::kIid, index + 1);
      message.add_uint64(interned::kFunctionName, name);
      message.add_uint64(interned::kMapping, frame.module + 1);
      message.add_uint64(interned::kRelPc, frame.offset);
    }
    if (!frame.name.empty()) named_.push_back(index + 1);
    end_entry();
  }

  void put_stack(std::uint32_t index, std::span<const std::uint32_t> frames) {
    {
      Message data{interned_};
      Message message{data, interned::kCallstacks};
      message.add_uint64(interned::kIid, index + 1);
      for (const std::uint32_t frame : frames) message.add_uint64(interned::kFrameIds, frame + 1);
    }
    end_entry();
  }

  void end_entry() {
    if (interned_.size() >= kPacketBytes) put_packet();
  }

  // The first one is written even when there is nothing in it: it starts the sequence and names its clock of samples.
  void put_packet() {
    stream_.packet(Sequence::kStacks, [&](Message& packet) {
      if (!std::exchange(started_, true)) put_defaults(packet);
      packet.add_message(packet::kInternedData, interned_);
      packet.add_packed_uint64(packet::kFdrNamedFrames, named_.begin(), named_.end());
      for (const std::string& message : modules_) packet.add_message(packet::kFdrModule, message);
    });
    interned_.clear();
    modules_.clear();
    named_.clear();
  }

  static void put_defaults(Message& packet) {
    Message defaults{packet, packet::kDefaults};
    Message samples{defaults, perf_sample::kDefaults};
    Message timebase{samples, perf_sample::kTimebase};
    timebase.add_uint32(perf_sample::kCounter, perf_sample::kCpuClock);
    timebase.add_string(perf_sample::kName, "cpu-clock");
  }

  PacketStream& stream_;
  const StackTable& stacks_;
  std::map<Field, std::map<std::string, std::uint64_t>> strings_;
  std::string interned_;
  std::vector<std::string> modules_;
  std::vector<std::uint64_t> named_;
  bool started_ = false;
};

// What an iid names; our writer gives them out in order, without gaps.
template <class T>
const T& at_iid(const std::vector<T>& table, std::uint64_t iid) {
  if (iid == 0 || iid > table.size()) throw Damage("an interned id without its entry");
  return table[iid - 1];
}

template <class T>
void append(std::vector<T>& table, std::uint64_t iid, T value) {
  if (iid != table.size() + 1) throw Damage("interned ids out of order");
  table.push_back(std::move(value));
}

constexpr std::uint64_t units_of(std::size_t bytes) { return bytes / 64; }

// A longer one is cut: nobody's file or function is called so.
void append_string(std::vector<std::string>& table, std::string_view entry, const StackCollector::Charge& charge) {
  std::uint64_t iid = 0;
  std::string_view text;
  for (FieldCursor f(entry); f.next();) {
    if (f.field() == interned::kIid) iid = f.number();
    if (f.field() == interned::kStr) text = f.bytes().substr(0, kMaxString);
  }
  charge(units_of(text.size()));
  append(table, iid, std::string(text));
}

// A module, but for what stands in the mapping.
struct ModuleCompanion {
  ModuleKind kind = ModuleKind::kFile;
  std::optional<std::string_view> path;

  explicit ModuleCompanion(std::string_view message) {
    for (FieldCursor f(message); f.next();) {
      if (f.field() == module::kKind) kind = f.enumeration(ModuleKind::kAnonymous);
      if (f.field() == module::kPath) path = f.bytes().substr(0, kMaxString);
    }
  }
};

}  // namespace

void put_stacks(PacketStream& stream, const StackTable& stacks) { StackWriter(stream, stacks).write(); }

void StackCollector::add(std::string_view data, const std::vector<std::string_view>& modules,
                         std::optional<std::string_view> named_frames, StackTable& stacks, const Charge& charge) {
  std::vector<std::uint64_t> named;
  if (named_frames)
    for (PackedCursor packed(*named_frames); packed.more();) named.push_back(packed.next());
  if (!std::is_sorted(named.begin(), named.end())) throw Damage("interned ids out of order");
  std::size_t next_module = 0;

  for (FieldCursor entry(data); entry.next();) {
    charge(1);
    switch (entry.field()) {
      case interned::kBuildIds:
        append_string(build_ids_, entry.bytes(), charge);
        break;
      case interned::kMappingPaths:
        append_string(paths_, entry.bytes(), charge);
        break;
      case interned::kFunctionNames:
        append_string(function_names_, entry.bytes(), charge);
        break;
      case interned::kMappings: {
        std::uint64_t iid = 0, build_id = 0, path = 0;
        for (FieldCursor f(entry.bytes()); f.next();) {
          if (f.field() == interned::kIid) iid = f.number();
          if (f.field() == interned::kBuildId) build_id = f.number();
          if (f.field() == interned::kPathStrings) path = f.number();
        }
        if (next_module == modules.size()) throw Damage("a mapping without its kind");
        const ModuleCompanion companion(modules[next_module++]);
        const std::string_view id_bytes = build_id ? std::string_view(at_iid(build_ids_, build_id)) : std::string_view();
        const std::string_view name = companion.path ? *companion.path : path ? std::string_view(at_iid(paths_, path)) : std::string_view();
        charge(units_of(2 * id_bytes.size() + name.size()));
        const Module module{.kind = companion.kind, .path = std::string(name), .build_id = hex_of_bytes(id_bytes)};
        append(modules_, iid, stacks.intern_module(module));
        break;
      }
      case interned::kFrames: {
        std::uint64_t iid = 0, name = 0, mapping = 0, rel_pc = 0;
        for (FieldCursor f(entry.bytes()); f.next();) {
          if (f.field() == interned::kIid) iid = f.number();
          if (f.field() == interned::kFunctionName) name = f.number();
          if (f.field() == interned::kMapping) mapping = f.number();
          if (f.field() == interned::kRelPc) rel_pc = f.number();
        }
        const bool has_name = std::binary_search(named.begin(), named.end(), iid);
        static const std::string nameless;
        const std::string& real_name = has_name ? at_iid(function_names_, name) : nameless;
        charge(units_of(real_name.size()));
        append(frames_, iid, stacks.intern_frame(at_iid(modules_, mapping), rel_pc, real_name));
        break;
      }
      case interned::kCallstacks: {
        std::uint64_t iid = 0;
        std::vector<std::uint32_t> frames;
        for (FieldCursor f(entry.bytes()); f.next();) {
          if (f.field() == interned::kIid) iid = f.number();
          if (f.field() == interned::kFrameIds) frames.push_back(at_iid(frames_, f.number()));
          if (frames.size() > kMaxFrames) throw Damage("a stack that is too deep");
        }
        charge(frames.size() / 8);
        append(stacks_, iid, stacks.intern_stack(frames));
        break;
      }
      default:
        break;
    }
  }
}

StackId StackCollector::stack_of_iid(std::uint64_t iid) const { return at_iid(stacks_, iid); }

}  // namespace fdr::perfetto
