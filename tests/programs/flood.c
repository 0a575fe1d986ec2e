/* Floods the raw syscall ring for SECONDS (getppid, read of /dev/zero), and between does what each other ring keeps:
 * each 100 ms a call that is slow (flock held by a child of its own for 20 ms), failing lookups, and a wait. Prints
 * "flooding" when it begins. For tests/e2e/syscall_flood.py.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
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

/* The other side of the lock: takes it for 20 ms of each 100 ms. */
static void hold_and_release(const char *path) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int fd = open(path, O_RDWR);
  if (fd < 0) _exit(1);
  for (;;) {
    if (flock(fd, LOCK_EX)) _exit(1);
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
  if (lock < 0 || zero < 0) return perror("flood"), 1;
  const pid_t child = fork();
  if (child == 0) hold_and_release(argv[2]);
  puts("flooding");
  fflush(stdout);

  char byte;
  double next = now();
  while (now() < end) {
    for (int i = 0; i < 1000; i++) {
      syscall(SYS_getppid);
      if (read(zero, &byte, 1) != 1) return 1;
    }
    if (now() < next) continue;
    next = now() + 0.1;
    for (int i = 0; i < 3; i++) access("/nonexistent/flood", F_OK);
    /* Free once, then held by the child: so the wait begins with the child's turn, and never is what is left of one, too short to be slow. */
    flock(lock, LOCK_EX);
    do {
      flock(lock, LOCK_UN);
      pause_ms(2);
    } while (flock(lock, LOCK_EX | LOCK_NB) == 0);
    flock(lock, LOCK_EX);
    flock(lock, LOCK_UN);
  }
  kill(child, SIGKILL);
  return 0;
}
