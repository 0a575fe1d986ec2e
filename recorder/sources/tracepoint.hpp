// A tracepoint as tracefs describes it: its id for perf_event_open, and where its fields lie in the raw data of a sample. The numbers belong to
// the running kernel; they are read, never assumed. Any thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fdr {

struct Tracepoint {
  struct Field {
    std::uint32_t offset = 0, bytes = 0;
  };
  std::uint16_t id = 0;
  std::map<std::string, Field, std::less<>> fields;  // by name, common_* left out

  // The `index`th word of 8 bytes of a field; nothing where the data or the field is too short for it.
  std::optional<std::int64_t> word(std::span<const std::uint8_t> raw, std::string_view field, std::uint32_t index = 0) const;
};

// Of the text of a `format` file. Nothing where it is none.
std::optional<Tracepoint> parse_tracepoint(std::string_view format);
// "raw_syscalls/sys_enter". Nothing where tracefs is not mounted, not ours to read, or has no such.
std::optional<Tracepoint> find_tracepoint(const std::string& name);

}  // namespace fdr
