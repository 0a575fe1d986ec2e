// What the messages of our own are written with (perfetto_records.hpp, perfetto_memory.cpp).
#pragma once

#include <cstdint>
#include <optional>
#include <protozero/pbf_writer.hpp>
#include <string>

#include "formats/perfetto_cursor.hpp"
#include "formats/timeline.hpp"

namespace fdr::perfetto {

using Message = protozero::pbf_writer;

inline std::uint64_t ns(Duration duration) { return static_cast<std::uint64_t>(duration.count()); }

// Zero and "" are what an absent field reads as, so they are not written; but for one field of each message, since
// protozero leaves out a message without any, and the row would be lost.
inline void add(Message& message, Field field, std::uint64_t value) {
  if (value) message.add_uint64(field, value);
}
inline void add_signed(Message& message, Field field, std::int64_t value) {
  add(message, field, static_cast<std::uint64_t>(value));
}
inline void add(Message& message, Field field, const std::string& text) {
  if (!text.empty()) message.add_string(field, text);
}
inline void add(Message& message, Field field, const std::optional<Timestamp>& time, const TraceClock& clock) {
  if (time) message.add_uint64(field, clock.to_trace(*time));
}
template <class Enum>
void add_enum(Message& message, Field field, Enum value) {
  add(message, field, static_cast<std::uint64_t>(value));
}

}  // namespace fdr::perfetto
