#include "recorder/saved/state_file.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>

#include "recorder/system/small_file.hpp"

namespace fdr {
namespace {

constexpr std::size_t kHead = 3 * sizeof(std::uint32_t);

std::uint32_t checksum(std::uint32_t kind, std::uint32_t length, const void* payload) {
  const std::uint32_t head[] = {kind, length};
  const uLong sum = ::crc32(::crc32(0, nullptr, 0), reinterpret_cast<const Bytef*>(head), sizeof head);
  return static_cast<std::uint32_t>(::crc32(sum, static_cast<const Bytef*>(payload), length));
}

std::span<const std::uint8_t> bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

}  // namespace

std::string get_text(ByteCursor& from) {
  const auto bytes = from.take(from.read<std::uint32_t>());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::uint32_t get_count(ByteCursor& from, std::size_t least) {
  const auto count = from.read<std::uint32_t>();
  if (from.failed() || count <= from.left() / std::max<std::size_t>(least, 1)) return count;
  from.take(from.left() + 1);  // fails for good
  return 0;
}

std::vector<std::string> get_texts(ByteCursor& from) {
  std::vector<std::string> all(get_count(from, sizeof(std::uint32_t)));
  for (std::string& one : all) one = get_text(from);
  return all;
}

std::string state_record(std::uint32_t kind, std::string_view payload) {
  StateWriter head;
  head.put(kind);
  head.put(static_cast<std::uint32_t>(payload.size()));
  head.put(checksum(kind, static_cast<std::uint32_t>(payload.size()), payload.data()));
  return head.bytes() + std::string(payload);
}

std::vector<StateRecord> state_records(std::string_view bytes, bool& whole) {
  std::vector<StateRecord> records;
  ByteCursor cursor(bytes_of(bytes));
  while (cursor.left() >= kHead) {
    const auto kind = cursor.read<std::uint32_t>(), length = cursor.read<std::uint32_t>(), sum = cursor.read<std::uint32_t>();
    const auto payload = cursor.take(length);
    if (cursor.failed() || checksum(kind, length, payload.data()) != sum) {
      whole = false;
      return records;
    }
    records.push_back({kind, payload});
  }
  whole = cursor.left() == 0;
  return records;
}

bool write_state(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

FileDescriptor create_state(const std::string& path) {
  ::unlink(path.c_str());
  return FileDescriptor(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
}

bool replace_state(const std::string& path, std::uint32_t kind, std::string_view payload, bool on_disk) {
  const std::string fresh = path + ".new";
  const FileDescriptor file = create_state(fresh);
  if (file.valid() && write_state(file.get(), state_record(kind, payload)) && (!on_disk || ::fdatasync(file.get()) == 0) && ::rename(fresh.c_str(), path.c_str()) == 0) return true;
  const int error = errno;
  ::unlink(fresh.c_str());
  errno = error;
  return false;
}

std::optional<std::string> read_state(const std::string& path, std::uint32_t kind, std::size_t most) {
  const auto bytes = read_small_file(path, most + kHead);
  if (!bytes) return std::nullopt;
  bool whole = false;
  const std::vector<StateRecord> records = state_records(*bytes, whole);
  if (records.size() != 1 || !whole || records.front().kind != kind) return std::nullopt;
  const auto payload = records.front().payload;
  return std::string(reinterpret_cast<const char*>(payload.data()), payload.size());
}

}  // namespace fdr
