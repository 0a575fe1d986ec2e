/* A library for loader.c: burns CPU in PLACE_work (PLACE is given by the build) until SECONDS of this process's CPU are used up. */
#include <time.h>

#define NAME_OF(place, part) place##_##part
#define NAME(place, part) NAME_OF(place, part)

static volatile unsigned long sink;

__attribute__((noinline)) void NAME(PLACE, work)(void) {
  for (int i = 0; i < 20000; i++) sink += (unsigned long)i;
}

void run(double seconds) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  const double begin = time.tv_sec + time.tv_nsec / 1e9;
  do {
    NAME(PLACE, work)();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  } while (time.tv_sec + time.tv_nsec / 1e9 < begin + seconds);
}
