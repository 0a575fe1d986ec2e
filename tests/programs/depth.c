/* Burns a CPU at the bottom of FRAMES calls, for `scripts/bench --only sample`: depth FRAMES SECONDS. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static time_t end;

__attribute__((noinline)) static unsigned long burn(unsigned long x) {
  while (time(NULL) < end)
    for (int i = 0; i < 1000000; i++) x = x * 6364136223846793005u + 1442695040888963407u;
  return x;
}

__attribute__((noinline)) static unsigned long descend(int frames) {
  const unsigned long deeper = frames > 0 ? descend(frames - 1) : burn(1);
  __asm__ volatile("" : : "r"(deeper)); /* something left to do: no loop instead of calls */
  return deeper + (unsigned long)frames;
}

int main(int argc, char **argv) {
  if (argc < 3) return fputs("usage: depth FRAMES SECONDS\n", stderr), 2;
  const int other = 6; /* _start, __libc_start_main twice, main, descend(0), burn */
  end = time(NULL) + atol(argv[2]);
  return descend(atoi(argv[1]) - other) == 0;
}
