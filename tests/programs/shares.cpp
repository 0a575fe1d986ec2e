// Burns CPU in three functions, about 50, 30 and 20 % of it, for SECONDS: the profiler's oracle
// (tests/e2e/function_shares.py). The shares are of iterations of the same loop, so they hold whatever the machine's
// speed; no system calls while it burns but the clock, which is the vDSO's.
#include <chrono>
#include <cstdint>
#include <cstdlib>

namespace {

volatile std::uint64_t sink;

#define BURN(name, salt)                                                                              \
  [[gnu::noinline, gnu::noclone]] void name(int rounds) {                                             \
    std::uint64_t x = (salt);                                                                         \
    for (int i = 0; i < rounds; ++i) x = x * 6364136223846793005u + 1442695040888963407u;              \
    sink = x;                                                                                         \
  }
BURN(burn_half, 1)
BURN(burn_third, 2)
BURN(burn_fifth, 3)

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 4;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < end) {
    burn_half(50'000);
    burn_third(30'000);
    burn_fifth(20'000);
  }
}
