#include "recorder/targets/patient_memory.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "recorder/cost/self_cost.hpp"
#include "recorder/system/patience.hpp"

namespace fdr {
namespace {

// What is read at one asking: a moment's work, so that a wait is one for the lock and not for what there is to read.
constexpr std::size_t kPartsAtOnce = 1024, kBytesAtOnce = 1u << 20;

Duration& time_of_reads() {
  thread_local Duration spent{};
  return spent;
}

// Some parts with room of their own: the caller's may be gone when they are read.
class Asked {
 public:
  explicit Asked(std::span<const RemotePart> parts) {
    std::size_t bytes = 0;
    for (const RemotePart& part : parts) bytes += part.to.size();
    room_.resize(bytes);
    bytes = 0;
    for (const RemotePart& part : parts) {
      parts_.push_back({part.address, std::span(room_).subspan(bytes, part.to.size())});
      bytes += part.to.size();
    }
  }
  Asked(const Asked&) = delete;
  void read(const RemoteMemory& memory) { memory(parts_); }
  void give(std::span<RemotePart> parts) const {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      parts[i].whole = parts_[i].whole;
      if (parts[i].whole) std::copy(parts_[i].to.begin(), parts_[i].to.end(), parts[i].to.begin());
    }
  }

 private:
  std::vector<std::uint8_t> room_;
  std::vector<RemotePart> parts_;
};

class PatientMemory {
 public:
  explicit PatientMemory(std::int32_t pid) : pid_(pid) {}

  void read(std::span<RemotePart> parts) {
    for (RemotePart& part : parts) part.whole = false;
    for (std::size_t at = 0, count = 0; at < parts.size() && !locked_; at += count) {
      count = at_once(parts.subspan(at));
      const auto asked = std::make_shared<Asked>(parts.subspan(at, count));
      locked_ = !with_memory_of(pid_, [asked, memory = memory_, pid = pid_] {
        if (!*memory) *memory = memory_of(pid);
        asked->read(*memory);
      });
      if (!locked_) asked->give(parts.subspan(at, count));
    }
  }

 private:
  static std::size_t at_once(std::span<const RemotePart> parts) {
    std::size_t count = 0, bytes = 0;
    while (count < std::min(parts.size(), kPartsAtOnce) && (count == 0 || bytes + parts[count].to.size() <= kBytesAtOnce)) bytes += parts[count++].to.size();
    return count;
  }

  std::int32_t pid_;
  std::shared_ptr<RemoteMemory> memory_ = std::make_shared<RemoteMemory>();  // used by what is asked, one asking at a time
  bool locked_ = false;
};

}  // namespace

bool with_memory_of(std::int32_t pid, std::function<void()> work) {
  const auto spent = std::make_shared<Duration>();
  // The key is that of patient_read.cpp.
  const bool done = patiently(fmt::format("memory of {}", pid), fmt::format("the memory of process {} is locked: its stacks and mappings are not read until it lets go", pid),
                              [spent, work = std::move(work)] {
                                const Duration begin = thread_cpu_time();
                                work();
                                *spent = thread_cpu_time() - begin;
                              });
  if (done) time_of_reads() += *spent;
  return done;
}

bool memory_answers(std::int32_t pid) {
  // What is asked for is never there: a mapping of the first page.
  return with_memory_of(pid, [path = fmt::format("/proc/{}/map_files/0-1000", pid)] { [[maybe_unused]] const int none = ::access(path.c_str(), F_OK); });
}

RemoteMemory patient_memory_of(std::int32_t pid) {
  return [memory = std::make_shared<PatientMemory>(pid)](std::span<RemotePart> parts) { memory->read(parts); };
}

Duration cpu_time_with_reads() { return thread_cpu_time() + time_of_reads(); }

}  // namespace fdr
