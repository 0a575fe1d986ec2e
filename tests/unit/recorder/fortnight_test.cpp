// What a recorder that is left on does over and over must not grow: ticks through history and rules, processes that come and
// go. In the default run a tenth of an hour; with FDR_LONG=1 (ctest label `long`) a fortnight: 12 million ticks of 100 ms and
// a million forks, with the clock as an argument.
#include <doctest/doctest.h>
#include <malloc.h>

#include <cstdlib>
#include <set>

#include "recorder/cost/self_cost.hpp"
#include "recorder/targets/process_table.hpp"
#include "tests/unit/recorder/window_fixture.hpp"
#include "tests/unit/triggers/trigger_fixture.hpp"

#if defined(__SANITIZE_ADDRESS__)
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();  // GCC has the function and no header for it
#endif

using namespace fdr;
using namespace fdr::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t kSlots = 64;
constexpr std::uint32_t kTarget = 100;  // pid

// Bytes on the heap. Of the sanitizers' allocator they are what is comparable: what was freed stays with it for long.
std::uint64_t live_bytes() {
#if defined(__SANITIZE_ADDRESS__)
  return __sanitizer_get_current_allocated_bytes();
#else
  return ::mallinfo2().uordblks;
#endif
}

std::vector<RuleConfig> rules() {
  RuleConfig clear{"clear", "host.cpu.busy > 80%", 300ms, 1s, ""};
  clear.clear = "40%";
  RuleConfig daily{"daily", "host.mem.free < 50MB", 0s, 0s, ""};
  daily.max_per_day = 3;
  RuleConfig armed{"armed", "p99(host.cpu.busy, 10s) > 90%", 0s, 5min, ""};
  armed.armed_when = "host.mem.free > 20MB";
  return {clear, daily, armed, {"rate", "rate(process.syscalls) > 4000", 0s, 1min, ""}, {"delta", "delta(host.mem.free, 30s) > 40MB", 0s, 1h, ""}};
}

// A target that forks a child each `every` ticks, which ends three ticks later; slots are given out as the kernel side does.
class Forks {
 public:
  Forks() : slots_(kSlots) {
    for (std::uint32_t slot = 1; slot < kSlots; ++slot) free_.insert(slot);
    table_.add_existing(kTarget, 0, {}, from_ns(1));
  }

  void tick(std::uint64_t number, std::uint64_t every, Timestamp now) {
    const auto ns = static_cast<std::uint64_t>(to_ns(now));
    std::vector<fdr_life> events;
    if (number % every == 0 && !free_.empty()) {
      const std::uint32_t slot = *free_.begin();
      free_.erase(free_.begin());
      const auto pid = static_cast<std::uint32_t>(1000 + forked_ % 30'000);
      child_ = {thread_id(static_cast<std::uint32_t>(forked_ % 1000) + 1, slot), pid, number + 3};
      slots_[slot].id = child_.thread;
      fdr_life fork = life_event(FDR_LIFE_FORK, ns - 2, child_.thread, pid);
      fork.parent_tgid = kTarget;
      fork.start_boottime = ns;
      events.push_back(fork);
      ++forked_;
    }
    if (child_.thread && number == child_.ends) {
      fdr_life exit = life_event(FDR_LIFE_EXIT, ns - 1, child_.thread, child_.pid);
      exit.group_dead = 1;
      events.push_back(exit);
      child_ = {};
    }
    const auto changes = table_.apply(std::move(events), {}, now, slots_.data(), kSlots);
    for (const std::uint32_t slot : changes.released) free_.insert(slot);
    if (number % 10 == 0) table_.forget(now - 65s);
  }

  std::uint64_t forked() const { return forked_; }
  std::size_t free_slots() const { return free_.size(); }
  const ProcessTable& table() const { return table_; }

 private:
  struct Child {
    std::uint32_t thread = 0, pid = 0;
    std::uint64_t ends = 0;
  };
  ProcessTable table_{{"web"}};
  std::vector<fdr_thread> slots_;
  std::set<std::uint32_t> free_;
  Child child_;
  std::uint64_t forked_ = 0;
};

}  // namespace

TEST_CASE("fortnight: what goes on for ever does not grow, and every slot comes back") {
  const char* wanted = std::getenv("FDR_LONG");
  const bool whole = wanted && *wanted == '1';
  const std::uint64_t ticks = whole ? 12'096'000 : 30'000, every = 12;
  Ticks series(664);
  Engine engine(rules(), series.catalogue());
  Forks forks;
  std::uint64_t fired = 0, ended = 0, heap = 0, resident = 0;
  constexpr std::uint64_t kNotes = 12'000;             // as many as fill the ledger
  const std::uint64_t warm = whole ? 200'000 : kNotes;  // it is full, and the table has its size
  for (std::uint64_t i = 1; i <= ticks; ++i) {
    const double wave = static_cast<double>(i % 900);
    series.set("host.cpu.busy", wave < 450 ? wave / 4.5 : (900 - wave) / 4.5).set("process.syscalls", static_cast<double>(i) * (i % 6000 < 3000 ? 300 : 500));
    series.set("host.mem.free", (i % 700 < 350 ? 100 : 30) * kMegabyte).tick();
    fired += engine.evaluate(series.history(), series.now()).size();
    ended += engine.ended().size();
    if (i < kNotes) engine.note({series.now(), "", "note", 0, "fills the ledger"});
    forks.tick(i, every, series.now());
    if (i != warm) continue;
    heap = live_bytes();
    resident = own_anonymous_bytes(0);
  }
  CHECK(forks.forked() == ticks / every);
  CHECK(fired > ticks / 3000);
  CHECK(ended > ticks / 3000);
  CHECK(forks.free_slots() + 2 >= kSlots - 1);  // the last child may live still
  CHECK(forks.table().processes().size() < 100);
  CHECK(forks.table().life().size() < 1000);
  CHECK(live_bytes() < heap + (1 << 20));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(own_anonymous_bytes(0) < resident + (1 << 20));
#else
  (void)resident;
#endif
}
