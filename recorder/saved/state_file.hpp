// How state is laid down so that it can be read after its writer was killed at any moment: records with length and checksum, in files that
// are only appended to (a torn last record is dropped) or replaced as a whole.
//
// A record: u32 kind, u32 length, u32 CRC-32 of both and of the payload, payload. Numbers are this host's: state never leaves it. Readers
// take every byte as hostile. Any thread; a file has one writer.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "formats/byte_cursor.hpp"
#include "formats/file_descriptor.hpp"

namespace fdr {

// A payload being made.
class StateWriter {
 public:
  template <class T>
  void put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(std::string_view text) {
    put(static_cast<std::uint32_t>(text.size()));
    bytes_.append(text);
  }
  void raw(std::string_view bytes) { bytes_.append(bytes); }
  void texts(const std::vector<std::string>& all) {
    put(static_cast<std::uint32_t>(all.size()));
    for (const std::string& one : all) text(one);
  }
  std::size_t size() const { return bytes_.size(); }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// What StateWriter wrote; where it does not fit the cursor fails.
std::string get_text(ByteCursor& from);
std::vector<std::string> get_texts(ByteCursor& from);
// The number of elements that follow, each of at least `least` bytes: fails where they cannot all be there.
std::uint32_t get_count(ByteCursor& from, std::size_t least);

std::string state_record(std::uint32_t kind, std::string_view payload);

struct StateRecord {
  std::uint32_t kind = 0;
  std::span<const std::uint8_t> payload;
};
// All records up to the first that is torn or damaged; `whole` says whether there was none. They point into `bytes`.
std::vector<StateRecord> state_records(std::string_view bytes, bool& whole);

// Replaces a file by one record, 0600: PATH.new first (`on_disk`: and out of the page cache), then renamed. False with errno set: the old one is still there.
bool replace_state(const std::string& path, std::uint32_t kind, std::string_view payload, bool on_disk = false);
// The payload of such a file; nothing where there is none of that kind, or it is damaged or longer than `most`.
std::optional<std::string> read_state(const std::string& path, std::uint32_t kind, std::size_t most);
// A new file to append to, in place of what is there. Not valid with errno set.
FileDescriptor create_state(const std::string& path);
bool write_state(int file, std::string_view bytes);  // all of it, or false with errno set

}  // namespace fdr
