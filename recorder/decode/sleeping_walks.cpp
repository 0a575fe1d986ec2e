#include "recorder/decode/sleeping_walks.hpp"

#include <memory>
#include <utility>

#include "recorder/targets/patient_memory.hpp"
#include "unwind/live/page_map.hpp"

namespace fdr {
namespace {

// One asking: a page of each thread. Read on another thread, which may come back after we have gone on: it owns all it touches.
struct Look {
  struct Thread {
    std::size_t index = 0;
    std::int32_t tid = 0;
    std::optional<SleepingPlace> place;  // nothing: not asked yet; afterwards: it does not sleep there
    std::uint64_t page = 0;              // by number
    std::vector<std::uint8_t> bytes;
  };
  std::int32_t pid = 0;
  std::vector<Thread> threads;

  void take();
};

void Look::take() {
  for (Thread& thread : threads) {
    if (thread.place) continue;
    thread.place = sleeping_place(pid, thread.tid);
    if (thread.place) thread.page = thread.place->sp / kPageBytes;  // with which nearly every walk begins
  }
  std::vector<std::uint64_t> pages;
  std::erase_if(threads, [](const Thread& thread) { return !thread.place; });
  for (const Thread& thread : threads) pages.push_back(thread.page);
  std::vector<std::vector<std::uint8_t>> bytes = read_pages(pid, pages);
  for (std::size_t i = 0; i < threads.size(); ++i) {
    Thread& thread = threads[i];
    thread.bytes = std::move(bytes[i]);
    if (sleeping_place(pid, thread.tid) != thread.place) thread.place.reset();
  }
}

}  // namespace

std::vector<std::optional<SleepingWalk>> walk_sleeping(CopyWalker& walker, std::int32_t pid, std::span<const std::int32_t> tids, const AddressSpace& space, Timestamp now) {
  std::vector<std::optional<SleepingWalk>> walks(tids.size());
  std::vector<RemoteWords> words(tids.size());
  std::vector<Look::Thread> asked;
  for (std::size_t i = 0; i < tids.size(); ++i) asked.push_back({.index = i, .tid = tids[i], .place = {}, .page = 0, .bytes = {}});
  while (!asked.empty()) {
    const auto look = std::make_shared<Look>(Look{pid, std::move(asked)});
    asked.clear();
    // Of those that were walked already what there is stays: their threads slept there when it was read.
    if (!with_memory_of(pid, [look] { look->take(); })) break;
    for (Look::Thread& thread : look->threads) {
      std::optional<SleepingWalk>& walk = walks[thread.index];
      walk.reset();
      if (!thread.place) continue;
      RemoteWords& read = words[thread.index];
      read.give(thread.page, std::move(thread.bytes));
      walk = {*thread.place, walker.walk(space, UserRegisters{.ip = thread.place->ip, .sp = thread.place->sp}, read, now)};
      if (read.wanted()) asked.push_back({thread.index, thread.tid, thread.place, *read.wanted(), {}});
    }
  }
  return walks;
}

}  // namespace fdr
