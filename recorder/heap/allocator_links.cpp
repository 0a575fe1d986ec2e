#include "recorder/heap/allocator_links.hpp"

#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "recorder/system/perf_event.hpp"
#include "recorder/system/small_file.hpp"

namespace fdr {
namespace {

constexpr const char* kUprobeEvents = "/sys/bus/event_source/devices/uprobe";

// The part of union bpf_attr for BPF_LINK_CREATE that is used; the headers of a build may be older than the kernel it runs on.
struct LinkCreate {
  std::uint32_t program, target;
  std::uint32_t attach_type, flags;
  union {
    struct {
      std::uint64_t path, offsets, reference_counts, cookies;
      std::uint32_t count, flags, pid;
    } multi;
    struct {
      std::uint64_t cookie;
    } perf;
  };
};

int create_link(LinkCreate& attributes) { return static_cast<int>(::syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof attributes)); }

std::uint64_t address_of(const void* data) { return reinterpret_cast<std::uint64_t>(data); }

FileDescriptor attach_session(const HeapPrograms& programs, std::int32_t pid, const std::string& path, const std::vector<AllocatorFunction>& functions) {
  std::vector<std::uint64_t> offsets, cookies;
  for (const AllocatorFunction& function : functions) {
    offsets.push_back(function.offset);
    cookies.push_back(function.cookie);
  }
  LinkCreate attributes{};
  attributes.program = static_cast<std::uint32_t>(programs.session);
  attributes.attach_type = programs.session_type;
  attributes.multi = {.path = address_of(path.c_str()), .offsets = address_of(offsets.data()), .reference_counts = 0, .cookies = address_of(cookies.data()),
                      .count = static_cast<std::uint32_t>(functions.size()), .flags = 0, .pid = static_cast<std::uint32_t>(pid)};
  return FileDescriptor(create_link(attributes));
}

std::optional<std::uint32_t> number_in(const std::string& path, std::string_view before) {
  const std::string text = read_small_file(path).value_or("");
  if (!text.starts_with(before)) return std::nullopt;
  std::uint32_t number = 0;
  const auto parsed = std::from_chars(text.data() + before.size(), text.data() + text.size(), number);
  return parsed.ec == std::errc{} ? std::optional(number) : std::nullopt;
}

// One probe of a pair: an event of that function in that process, and the program on it.
bool attach_event(int program, bool at_return, std::int32_t pid, const std::string& path, const AllocatorFunction& function, std::vector<FileDescriptor>& links) {
  const auto type = number_in(std::string(kUprobeEvents) + "/type", ""), bit = number_in(std::string(kUprobeEvents) + "/format/retprobe", "config:");
  if (!type || !bit || *bit > 63) return errno = ENOENT, false;
  perf_event_attr event{};
  event.size = sizeof event;
  event.type = *type;
  if (at_return) event.config = std::uint64_t{1} << *bit;
  event.uprobe_path = address_of(path.c_str());
  event.probe_offset = function.offset;
  FileDescriptor descriptor = open_perf_event(event, pid, -1);
  if (!descriptor.valid()) return false;
  LinkCreate attributes{};
  attributes.program = static_cast<std::uint32_t>(program);
  attributes.target = static_cast<std::uint32_t>(descriptor.get());
  attributes.attach_type = BPF_PERF_EVENT;
  attributes.perf.cookie = function.cookie;
  FileDescriptor link(create_link(attributes));
  if (!link.valid()) return false;
  links.push_back(std::move(descriptor));
  links.push_back(std::move(link));
  return true;
}

}  // namespace

std::vector<FileDescriptor> attach_allocator(const HeapPrograms& programs, std::int32_t pid, const std::string& path,
                                             const std::vector<AllocatorFunction>& functions, std::string* problem) {
  std::vector<FileDescriptor> links;
  const auto fail = [&] {
    *problem = std::strerror(errno);
    links.clear();
  };
  if (programs.session >= 0) {
    links.push_back(attach_session(programs, pid, path, functions));
    if (!links.back().valid()) fail();
    return links;
  }
  for (const AllocatorFunction& function : functions) {
    // The return first: a call that has begun and is not seen to end would be taken for one that is still going on.
    const bool returns = (function.cookie & FDR_HEAP_CALL_MASK) != FDR_HEAP_FREE;
    if ((!returns || attach_event(programs.exit, true, pid, path, function, links)) && attach_event(programs.entry, false, pid, path, function, links)) continue;
    fail();
    break;
  }
  return links;
}

}  // namespace fdr
