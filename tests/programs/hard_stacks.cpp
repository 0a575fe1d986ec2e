// Code whose stacks are hard to walk: frames without a frame pointer, aligned and grown ones (AVX, alloca), signal handlers in the
// middle of them, and exceptions on their way. Runs until it is ended. Built -O2 and stripped (tests/e2e/complete_stacks.py).
#include <alloca.h>
#include <sys/time.h>

#include <csignal>
#include <cstddef>
#include <cstring>
#include <stdexcept>

namespace {

volatile unsigned long sink;

[[gnu::noinline]] void burn(int rounds) {
  for (int i = 0; i < rounds; ++i) sink = sink + static_cast<unsigned long>(i);
}

void on_alarm(int) { burn(3000); }

struct alignas(32) Lanes {
  float lane[8];
};

[[gnu::noinline]] float realigned(int count) {
  volatile Lanes lanes[4] = {};
  for (int i = 0; i < count; ++i) lanes[i & 3].lane[i & 7] = static_cast<float>(i);
  burn(300);
  return lanes[0].lane[0];
}

[[gnu::noinline]] void grown(std::size_t bytes) {
  char* const room = static_cast<char*>(alloca(bytes));
  std::memset(room, 1, bytes);
  burn(300);
  sink = sink + static_cast<unsigned long>(room[bytes / 2]);
}

[[gnu::noinline]] void throw_from(int depth) {
  if (depth == 0) throw std::runtime_error("thrown");
  throw_from(depth - 1);
  sink = sink + 1;
}

}  // namespace

int main() {
  std::signal(SIGALRM, on_alarm);
  const itimerval each_ms{{0, 1000}, {0, 1000}};
  setitimer(ITIMER_REAL, &each_ms, nullptr);
  for (;;) {
    for (std::size_t i = 0; i < 50; ++i) {
      realigned(100);
      grown(100 + i * 8);
    }
    try {
      throw_from(20);
    } catch (const std::exception&) {
      sink = sink + 1;
    }
  }
}
