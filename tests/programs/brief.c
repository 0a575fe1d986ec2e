/* Lives for about 30 ms, all of it in `burn_briefly`: a process that is gone long before anybody looks for it. */
#include <time.h>

static volatile unsigned long sink;

__attribute__((noinline)) void burn_briefly(long ms) {
  struct timespec time;
  do {
    for (int i = 0; i < 5000; i++) sink += (unsigned long)i;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  } while (time.tv_nsec < ms * 1000000);
}

int main(void) {
  burn_briefly(30);
  return 0;
}
