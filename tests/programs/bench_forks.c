/* A storm of short processes for scripts/bench --peers: for each line on stdin it forks children that end at once, one after
 * the other, for SECONDS, and prints how many a second.
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

int main(int argc, char **argv) {
  const double seconds = argc > 1 ? atof(argv[1]) : 1;
  for (int c; (c = getchar()) != EOF;) {
    if (c != '\n') continue;
    long children = 0;
    const double begin = now_s();
    for (; now_s() - begin < seconds; children++) {
      const pid_t child = fork();
      if (child < 0) return perror("fork"), 1;
      if (child == 0) _exit(0);
      waitpid(child, NULL, 0);
    }
    printf("%.1f\n", children / (now_s() - begin));
    fflush(stdout);
  }
  return 0;
}
