/* Burns PERCENT of one CPU in `burn`, in periods of 20 ms; after SIGUSR1 all of one. The load that must not fire a
 * rule, and then the load that must (tests/e2e/quiet_load.py). Ends on SIGTERM.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile sig_atomic_t all;
static volatile unsigned long sink;

static void raise_load(int number) {
  (void)number;
  all = 1;
}

static double now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

__attribute__((noinline)) void burn(double until_cpu) {
  while (now(CLOCK_PROCESS_CPUTIME_ID) < until_cpu)
    for (int i = 0; i < 20000; i++) sink += (unsigned long)i; /* looking at the clock is a system call: not a flood of them */
}

int main(int argc, char **argv) {
  const double share = argc > 1 ? atof(argv[1]) / 100 : 0.2;
  signal(SIGUSR1, raise_load);
  puts("burning");
  fflush(stdout);
  double cpu = now(CLOCK_PROCESS_CPUTIME_ID);
  double next = now(CLOCK_MONOTONIC);
  for (;;) {
    const double period = 0.02;
    /* What the process has used for itself counts; a period that came late is not made up for. */
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) + (all ? 1 : share) * period;
    burn(cpu);
    next += period;
    const double wall = now(CLOCK_MONOTONIC);
    if (next < wall) next = wall;
    if (all) continue;
    const struct timespec until = {(time_t)next, (long)((next - (double)(time_t)next) * 1e9)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
  }
}
