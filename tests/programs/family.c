/* A fixed tree of processes and threads, each making a fixed number of calls, some of which fail: for counting. family
 * CHILDREN THREADS CALLS. Every child execs this program again ("leaf"), runs THREADS threads one after the other and
 * exits with its number. One waits for one, by pid, and no signal handler runs, so nothing depends on timing but
 * futex: a join waits only where the thread has not gone yet.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void *make_calls(void *calls) {
  for (long i = 0; i < (long)calls; i++) {
    syscall(SYS_getppid);
    if (i % 3 == 0) access("/nonexistent/family", F_OK);
    if (i % 5 == 0) close(-1);
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  const int children = atoi(argv[1]), threads = atoi(argv[2]);
  const long calls = atol(argv[3]);
  if (argc > 4) { /* a leaf */
    for (int i = 0; i < threads; i++) {
      pthread_t thread;
      if (pthread_create(&thread, NULL, make_calls, (void *)calls) || pthread_join(thread, NULL)) return 1;
    }
    return atoi(argv[4]);
  }
  for (int i = 1; i <= children; i++) {
    const pid_t child = fork();
    if (child == 0) {
      char number[16];
      snprintf(number, sizeof number, "%d", i);
      execl("/proc/self/exe", "leaf", argv[1], argv[2], argv[3], number, (char *)NULL);
      _exit(127);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != i) return 1;
  }
  make_calls((void *)calls);
  return 0;
}
