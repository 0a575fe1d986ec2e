/* What is many, or has a hostile name: for tests/e2e/crowds.py and faults.py.
 *
 *   crowd threads N     N threads that sleep, and one that works a little
 *   crowd maps N        N mappings of executable memory that do not merge
 *   crowd forks N       forks until it has tried N times, children stay; how many there are on stdout
 *   crowd named COMM    one thread of this name (bytes as they come), that opens a file of this name again and again
 *
 * Prints "ready" (forks: "ready COUNT") when it is, then goes on until it is ended.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static void *sleep_on(void *nothing) {
  for (;;) pause();
  return nothing;
}

static int threads(int count) {
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 << 10);
  for (int i = 0; i < count; i++) {
    pthread_t thread;
    if (pthread_create(&thread, &small, sleep_on, NULL)) return perror("pthread_create"), 1;
  }
  return 0;
}

/* Every second page unmapped: neighbours would be one mapping. Of the program's file, as a library's code is. */
static int maps(int count) {
  const int file = open("/proc/self/exe", O_RDONLY);
  const long page = sysconf(_SC_PAGESIZE);
  for (int i = 0; i < count; i++)
    if (mmap(NULL, (size_t)page, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, page * (i & 1)) == MAP_FAILED) return perror("mmap"), 1;
  return 0;
}

static int forks(int count) {
  int there = 0;
  for (int i = 0; i < count; i++) {
    const pid_t child = fork();
    if (child < 0) continue;
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, 15);
      sleep_on(NULL);
    }
    there++;
  }
  printf("ready %d\n", there);
  fflush(stdout);
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  const int count = atoi(argv[2]);
  int failed = 0;
  if (!strcmp(argv[1], "threads")) failed = threads(count);
  else if (!strcmp(argv[1], "maps")) failed = maps(count);
  else if (!strcmp(argv[1], "forks")) failed = forks(count);
  else if (!strcmp(argv[1], "named")) prctl(PR_SET_NAME, argv[2]);
  else return 2;
  if (failed) return failed;
  if (strcmp(argv[1], "forks")) puts("ready");
  fflush(stdout);
  for (;;) {
    const int file = open(argv[2], O_RDONLY);
    if (file >= 0) close(file);
    for (volatile int i = 0; i < 200000; i++)
      ;
    usleep(2000);
  }
}
