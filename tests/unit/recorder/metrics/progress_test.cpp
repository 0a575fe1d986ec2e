#include "recorder/metrics/progress.hpp"

#include <doctest/doctest.h>
#include <sys/syscall.h>

#include <cmath>
#include <cstring>

#include "recorder/metrics/oom.hpp"

using namespace fdr;

namespace {

MetricCatalogue catalogue_of_events() {
  MetricCatalogue catalogue;
  for (const char* name : {"spin", "stall"}) catalogue.add({name, Unit::kSeconds});
  for (const char* name : {"oom", "host.vm.oom_kill"}) catalogue.add({name});
  return catalogue;
}

// Made-up accounts, a tenth of a second at a time.
struct Fixture {
  explicit Fixture(bool calls_are_counted = true) : progress(catalogue, calls_are_counted) {
    for (std::uint32_t i = 0; i < threads.size(); ++i) {
      threads[i].id = i + 1;
      threads[i].tid = 100 + i;
      threads[i].flags = FDR_THREAD_USED;
      std::strcpy(threads[i].comm, i ? "worker" : "main");
    }
  }
  double spin() { return look(), row[*catalogue.find("spin")]; }
  double stall() { return look(), row[*catalogue.find("stall")]; }
  void look() { progress.read(threads.data(), live, now, row); }
  void pass(double cpu_s, std::uint32_t slot = 0) {
    now += std::chrono::milliseconds(100);
    threads[slot].cpu_ns += static_cast<std::uint64_t>(cpu_s * 1e9);
  }
  std::uint64_t ago(double seconds) const { return static_cast<std::uint64_t>(to_ns(now) - static_cast<std::int64_t>(seconds * 1e9)); }

  MetricCatalogue catalogue = catalogue_of_events();
  std::vector<fdr_thread> threads{4};
  std::vector<std::uint32_t> live{0, 1};
  std::vector<double> row = std::vector<double>(4, std::nan(""));
  Timestamp now{std::chrono::seconds(1000)};
  ThreadProgress progress;
};

}  // namespace

TEST_CASE("spin: the CPU that a thread burnt without a system call, of the one that burnt most") {
  Fixture fixture;
  fixture.threads[0].cpu_ns = fixture.threads[1].cpu_ns = 5'000'000'000;  // earlier
  CHECK(fixture.spin() == 0);
  for (int i = 0; i < 20; ++i) {
    fixture.pass(0.1, 1);
    fixture.threads[1].involuntary++;  // being pushed off is no rest
    fixture.look();
  }
  CHECK(fixture.spin() == doctest::Approx(2.0));
  const std::string text = fixture.progress.explained("spin > 2s and host.cpu.busy > 1%");
  CHECK(text.find("'worker' (tid 101)") != std::string::npos);
  CHECK(text.find("system calls meanwhile: 0") != std::string::npos);
  CHECK(fixture.progress.explained("process[spin].rss > 1GB or thread.spinner > 1").empty());
}

TEST_CASE("spin: a thread that calls, waits, or is within a call does not spin") {
  for (const char* how : {"calls", "waits", "in a call"}) {
    CAPTURE(how);
    Fixture fixture;
    fixture.look();
    for (int i = 0; i < 30; ++i) {
      fixture.pass(0.1);
      if (how == std::string("calls")) fixture.threads[0].calls++;
      if (how == std::string("waits")) fixture.threads[0].voluntary++;
      if (how == std::string("in a call")) fixture.threads[0].flags |= FDR_THREAD_IN_CALL;
      CHECK(fixture.spin() < 0.11);
    }
  }
}

TEST_CASE("spin: a slot that is used again begins anew; without counted calls nothing is known") {
  Fixture fixture;
  fixture.look();
  fixture.pass(3);
  CHECK(fixture.spin() == doctest::Approx(3));
  fixture.threads[0].id = 55;
  fixture.threads[0].cpu_ns += 1'000'000'000;
  CHECK(fixture.spin() == 0);
  Fixture blind(false);
  blind.look();
  blind.pass(3);
  CHECK(std::isnan(blind.spin()));
  CHECK(blind.stall() == 0);
}

TEST_CASE("stall: uninterruptible, runnable, or freeing memory, and nothing else") {
  Fixture fixture;
  fdr_thread& thread = fixture.threads[1];
  thread.out_ns = fixture.ago(7);
  thread.out_state = 1;  // sleeps, and may be woken: epoll_wait
  CHECK(fixture.stall() == 0);
  thread.out_state = 2;
  CHECK(fixture.stall() == doctest::Approx(7));
  CHECK(fixture.progress.explained("stall > 1s").find("'worker' (tid 101) waits uninterruptibly since 7.00 s") != std::string::npos);
  thread.out_state = 0x402;  // a kernel thread that has nothing to do
  CHECK(fixture.stall() == 0);
  thread.out_state = 0;
  CHECK(fixture.stall() == doctest::Approx(7));
  thread.out_state = 0x102;
  thread.flags |= FDR_THREAD_IN_CALL;
  thread.nr = SYS_vfork;
  CHECK(fixture.stall() == 0);
  thread.nr = SYS_fsync;
  CHECK(fixture.stall() == doctest::Approx(7));
  thread.out_ns = 0;
  CHECK(fixture.stall() == 0);
  thread.reclaim_ns = fixture.ago(3.56);
  CHECK(fixture.stall() == doctest::Approx(3.56));
  thread.flags |= FDR_THREAD_EXITED;
  CHECK(fixture.stall() == 0);
}

TEST_CASE("progress: thousands of threads are looked at once a second") {
  Fixture fixture;
  fixture.threads.assign(600, fixture.threads[0]);
  fixture.live.clear();
  for (std::uint32_t i = 0; i < 600; ++i) {
    fixture.threads[i].id = i + 1;
    fixture.live.push_back(i);
  }
  fixture.look();
  fixture.pass(0.1, 599);
  CHECK(fixture.spin() == 0);
  for (int i = 0; i < 9; ++i) fixture.pass(0.1, 599);
  CHECK(fixture.spin() == doctest::Approx(1.0));
}

TEST_CASE("oom: kills of the last ten seconds, not of ever") {
  const MetricCatalogue catalogue = catalogue_of_events();
  OomKills oom(catalogue);
  std::vector<double> row(4, std::nan(""));
  const auto at = [&](double seconds, double kills) {
    row[*catalogue.find("host.vm.oom_kill")] = kills;
    oom.read(Timestamp{} + from_seconds(1000 + seconds), row);
    return row[*catalogue.find("oom")];
  };
  CHECK(at(0, 5) == 0);  // before us
  CHECK(at(1, 5) == 0);
  CHECK(at(2, 6) == 1);
  CHECK(at(11.9, 6) == 1);
  CHECK(at(12.1, 6) == 0);
  CHECK(at(13, 8) == 2);
  CHECK(at(40, 8) == 0);
  CHECK(at(41, 9) == 1);
}
