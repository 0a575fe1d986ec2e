#include "unwind/live/sleeping_thread.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <string>
#include <string_view>

#include "formats/file_descriptor.hpp"
#include "unwind/live/page_map.hpp"

namespace fdr {
namespace {

std::optional<std::uint64_t> hexadecimal(std::string_view word) {
  if (!word.starts_with("0x")) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data() + 2, word.data() + word.size(), value, 16);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

}  // namespace

// "NR 0xARG ... 0xSP 0xPC", "-1 0xSP 0xPC" outside a system call, or "running" (proc(5)).
std::optional<SleepingPlace> sleeping_place(std::int32_t pid, std::int32_t tid) {
  const FileDescriptor file(::open(fmt::format("/proc/{}/task/{}/syscall", pid, tid).c_str(), O_RDONLY | O_CLOEXEC));
  char text[512];
  const ssize_t length = file.valid() ? ::read(file.get(), text, sizeof text) : -1;
  if (length <= 0) return std::nullopt;
  std::string_view line(text, static_cast<std::size_t>(length));
  while (line.ends_with('\n')) line.remove_suffix(1);
  const std::size_t last = line.rfind(' ');
  if (last == std::string_view::npos || last == 0) return std::nullopt;
  const std::size_t before = line.rfind(' ', last - 1);
  if (before == std::string_view::npos) return std::nullopt;
  const auto sp = hexadecimal(line.substr(before + 1, last - before - 1)), ip = hexadecimal(line.substr(last + 1));
  if (!sp || !ip) return std::nullopt;
  std::int32_t number = -1;
  std::from_chars(line.data(), line.data() + line.size(), number);
  return SleepingPlace{*sp, *ip, number};
}

std::vector<std::vector<std::uint8_t>> read_pages(std::int32_t pid, std::span<const std::uint64_t> pages) {
  std::vector<std::vector<std::uint8_t>> all(pages.size());
  const PageMap present(pid);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const auto told = present.at(pages[i] * kPageBytes);
    if (told && !told->present) continue;  // not told: only the read itself can say
    std::vector<std::uint8_t> bytes(kPageBytes);
    const iovec to{bytes.data(), bytes.size()}, from{reinterpret_cast<void*>(pages[i] * kPageBytes), bytes.size()};
    if (::process_vm_readv(pid, &to, 1, &from, 1, 0) == static_cast<ssize_t>(bytes.size())) all[i] = std::move(bytes);
  }
  return all;
}

bool RemoteWords::operator()(std::uint64_t address, std::uint64_t* word) {
  if (address % sizeof *word != 0) return false;  // stacks keep their words aligned; one across two pages is none
  const std::uint64_t page = address / kPageBytes;
  const auto known = pages_.find(page);
  if (known == pages_.end()) {
    if (!wanted_ && pages_.size() < kMaxPages) wanted_ = page;
    return false;
  }
  if (known->second.empty()) return false;
  std::memcpy(word, known->second.data() + address % kPageBytes, sizeof *word);
  return true;
}

void RemoteWords::give(std::uint64_t page, std::vector<std::uint8_t> bytes) {
  pages_[page] = std::move(bytes);
  wanted_.reset();
}

}  // namespace fdr
