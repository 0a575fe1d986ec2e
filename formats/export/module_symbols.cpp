#include "formats/export/module_symbols.hpp"

#include <protozero/pbf_writer.hpp>

#include "formats/perfetto_fields.hpp"
#include "formats/perfetto_stacks.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

using namespace perfetto;
using Message = protozero::pbf_writer;

constexpr std::size_t kPacketBytes = 256 * 1024;

std::string address_symbols(std::uint64_t address, const std::vector<SourceFrame>& frames) {
  std::string bytes;
  Message message{bytes};
  message.add_uint64(symbols::kAddress, address);
  for (const SourceFrame& frame : frames) {  // innermost first in both
    if (frame.function.empty()) continue;
    Message line{message, symbols::kLines};
    line.add_string(symbols::kFunction, printable(frame.function));
    if (!frame.file.empty()) line.add_string(symbols::kFile, printable(frame.file));
    if (frame.line > 0) line.add_uint32(symbols::kLine, static_cast<std::uint32_t>(frame.line));
  }
  return bytes;
}

std::vector<bool> sampled_frames(const Timeline& timeline) {
  std::vector<bool> stack_seen(timeline.stacks.stack_count()), sampled(timeline.stacks.frames().size());
  for (const StackSample& sample : timeline.samples) {
    if (sample.stack >= stack_seen.size() || stack_seen[sample.stack]) continue;
    stack_seen[sample.stack] = true;
    for (const std::uint32_t frame : timeline.stacks.stack(sample.stack)) sampled[frame] = true;
  }
  return sampled;
}

}  // namespace

std::string module_symbols(const Timeline& timeline, const FrameNames& names) {
  const StackTable& stacks = timeline.stacks;
  const std::vector<bool> sampled = sampled_frames(timeline);
  std::vector<std::vector<std::string>> of_module(stacks.modules().size());
  for (std::uint32_t i = 0; i < stacks.frames().size() && i < names.size(); ++i) {
    if (!sampled[i]) continue;
    const Frame& frame = stacks.frames()[i];
    if (frame.name.empty() && !names[i].empty()) of_module[frame.module].push_back(address_symbols(frame.offset, names[i]));
  }
  std::string out;
  for (std::size_t i = 0; i < of_module.size(); ++i) {
    const Module& module = stacks.modules()[i];
    for (auto entry = of_module[i].begin(); entry != of_module[i].end();) {
      Message trace{out};
      Message packet{trace, trace::kPacket};
      Message message{packet, packet::kModuleSymbols};
      // Found by the mapping's name, which trace_processor begins with a slash: "/[vdso]".
      const std::string path = shown_path(module);
      message.add_string(symbols::kPath, path.starts_with('/') ? path : "/" + path);
      message.add_bytes(symbols::kBuildId, bytes_of_hex(module.build_id));
      for (std::size_t size = 0; entry != of_module[i].end() && size < kPacketBytes; size += entry++->size())
        message.add_message(symbols::kAddressSymbols, *entry);
    }
  }
  return out;
}

}  // namespace fdr
