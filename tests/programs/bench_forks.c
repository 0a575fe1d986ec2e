/* A storm of short processes for scripts/bench --peers and tests/e2e/young_processes.py: for each line on stdin it forks children
 * one after the other, for SECONDS, and prints how many a second. They end at once, or after BUSY_MS of CPU time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_s(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static volatile unsigned long sink;

__attribute__((noinline)) void busy_child(double seconds) {
  struct timespec time;
  do {
    for (int i = 0; i < 5000; i++) sink += (unsigned long)i;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  } while (time.tv_sec + time.tv_nsec / 1e9 < seconds);
}

int main(int argc, char **argv) {
  const double seconds = argc > 1 ? atof(argv[1]) : 1;
  const double busy = argc > 2 ? atof(argv[2]) / 1e3 : 0;
  for (int c; (c = getchar()) != EOF;) {
    if (c != '\n') continue;
    long children = 0;
    const double begin = now_s();
    for (; now_s() - begin < seconds; children++) {
      const pid_t child = fork();
      if (child < 0) return perror("fork"), 1;
      if (child == 0) {
        if (busy > 0) busy_child(busy);
        _exit(0);
      }
      waitpid(child, NULL, 0);
    }
    printf("%.1f\n", children / (now_s() - begin));
    fflush(stdout);
  }
  return 0;
}
