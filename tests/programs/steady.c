/* Burns CPU in PLACE_outer < PLACE_inner (PLACE is given by the build), for SECONDS or for ever, then becomes COMMAND if there
 * is one. Programs for several places differ in nothing but the names: who takes one's file for the other's reads wrong ones.
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define NAME_OF(place, part) place##_##part
#define NAME(place, part) NAME_OF(place, part)

static volatile unsigned long sink;

__attribute__((noinline)) void NAME(PLACE, inner)(void) {
  for (int i = 0; i < 20000; i++) sink += (unsigned long)i;
}

__attribute__((noinline)) void NAME(PLACE, outer)(double seconds) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  const double begin = time.tv_sec + time.tv_nsec / 1e9;
  do {
    NAME(PLACE, inner)();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  } while (seconds == 0 || time.tv_sec + time.tv_nsec / 1e9 < begin + seconds);
}

int main(int argc, char **argv) {
  NAME(PLACE, outer)(argc > 1 ? atof(argv[1]) : 0);
  if (argc > 2) return execv(argv[2], argv + 2), 1;
  return 0;
}
