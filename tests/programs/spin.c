/* Burns a CPU for as long as it is let: without a system call, or, as `spin busy`, with one each millisecond or so. After SIGUSR1 the
 * busy one calls no more. Prints "running" when it begins. For tests/e2e/spin_and_sockets.py. Ends on SIGTERM.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile sig_atomic_t calling;
static volatile unsigned long sink;

static void stop_calling(int number) {
  (void)number;
  calling = 0;
}

__attribute__((noinline)) void turn(void) {
  for (int i = 0; i < 500000; i++) sink += (unsigned long)i;
}

static void *work(void *unused) {
  prctl(PR_SET_NAME, "turner");
  for (;;) {
    turn();
    if (calling) syscall(SYS_getppid);
  }
  return unused;
}

int main(int argc, char **argv) {
  calling = argc > 1 && !strcmp(argv[1], "busy");
  signal(SIGUSR1, stop_calling);
  puts("running");
  fflush(stdout);
  pthread_t thread;
  if (pthread_create(&thread, NULL, work, NULL)) return 1;
  pthread_join(thread, NULL);
}
