/* Floods the raw syscall ring for SECONDS (getppid, read of /dev/zero), and between does what each other ring keeps:
 * each 100 ms a call that is slow (flock held by a child of its own for 20 ms), failing lookups, and a wait. Prints
 * "flooding" when it begins. For tests/e2e/syscall_flood.py.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void pause_ms(long ms) {
  const struct timespec length = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&length, NULL);
}

/* The other side of the lock: takes it for 20 ms of each 100 ms, and says so once it has it. */
static void hold_and_release(const char *path, atomic_uint *turns) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int fd = open(path, O_RDWR);
  if (fd < 0) _exit(1);
  for (;;) {
    if (flock(fd, LOCK_EX)) _exit(1);
    atomic_fetch_add(turns, 1);
    pause_ms(20);
    flock(fd, LOCK_UN);
    pause_ms(80);
  }
}

int main(int argc, char **argv) {
  if (argc != 3) return fputs("usage: flood SECONDS LOCKFILE\n", stderr), 2;
  const double end = now() + atof(argv[1]);
  const int lock = open(argv[2], O_RDWR | O_CREAT, 0600);
  const int zero = open("/dev/zero", O_RDONLY);
  atomic_uint *turns = mmap(NULL, sizeof *turns, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (lock < 0 || zero < 0 || turns == MAP_FAILED) return perror("flood"), 1;
  const pid_t child = fork();
  if (child == 0) hold_and_release(argv[2], turns);
  puts("flooding");
  fflush(stdout);

  char byte;
  unsigned seen = 0;
  while (now() < end) {
    for (int i = 0; i < 1000; i++) {
      syscall(SYS_getppid);
      if (read(zero, &byte, 1) != 1) return 1;
    }
    /* Only when the child has just taken the lock: what is left of a turn may be too short to be slow. */
    if (atomic_load(turns) == seen) continue;
    seen = atomic_load(turns);
    for (int i = 0; i < 3; i++) access("/nonexistent/flood", F_OK);
    flock(lock, LOCK_EX);
    flock(lock, LOCK_UN);
  }
  kill(child, SIGKILL);
  return 0;
}
