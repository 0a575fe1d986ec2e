// The stack table in a trace: InternedData of the stacks sequence, in packets of moderate size, each entry before its
// users. iid = index + 1, so that a reader of ours finds the very same indices. Beside the interned data stand a
// module's kind (field 2003) and which frames carry a real name (2004): the others are shown as "module+0x1234". Not
// thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/perfetto_cursor.hpp"
#include "formats/perfetto_packets.hpp"
#include "formats/stacks.hpp"

namespace fdr::perfetto {

void put_stacks(PacketStream& stream, const StackTable& stacks);

// A module as Perfetto knows it: its path there, its build-id as raw bytes (none of what is no hexadecimal text).
std::string shown_path(const Module& module);
std::string bytes_of_hex(const std::string& hex);

class StackCollector {
 public:
  // Told what an entry costs, in units of some 64 bytes, before it is built; may throw Damage.
  using Charge = std::function<void(std::uint64_t units)>;

  // One packet's interned data and what stands beside it. Throws Damage. Frames and modules hold copies of their names: each pays for its own.
  void add(std::string_view interned, const std::vector<std::string_view>& modules, std::optional<std::string_view> named_frames,
           StackTable& stacks, const Charge& charge);

  // Of an iid in a record; Damage where there is no such stack.
  StackId stack_of_iid(std::uint64_t iid) const;

 private:
  std::vector<std::string> build_ids_, paths_, function_names_;
  std::vector<std::uint32_t> modules_, frames_;
  std::vector<StackId> stacks_;
};

}  // namespace fdr::perfetto
