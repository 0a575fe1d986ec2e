/* Nanoseconds of CPU time of one getppid: bench_getppid CALLS ROUNDS [CPU] prints one number a round, on CPU if given.
 * With "-" as fourth argument it waits for a line on stdin before each round, so that who drives it can interleave. CPU
 * time, not wall time: what a busy machine takes away is not the call's.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc < 3) return fputs("usage: bench_getppid CALLS ROUNDS [CPU] [-]\n", stderr), 2;
  const long calls = atol(argv[1]), rounds = atol(argv[2]);
  if (argc > 3) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(atoi(argv[3]), &set);
    if (sched_setaffinity(0, sizeof set, &set)) return perror("bench_getppid"), 1;
  }
  for (long round = 0; round < rounds; round++) {
    if (argc > 4) {
      int c;
      while ((c = getchar()) != '\n')
        if (c == EOF) return 0;
    }
    const double begin = now_ns();
    for (long i = 0; i < calls; i++) syscall(SYS_getppid);
    printf("%.2f\n", (now_ns() - begin) / calls);
    fflush(stdout);
  }
  return 0;
}
