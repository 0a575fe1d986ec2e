/* Leaks beside churn, for tests/e2e/growth.py: `leaks MODE` allocates in leak_site() what is never freed, and in churn_site() many times
 * as much that is. It leaks some 20 MB a second, until it is ended or for a minute.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { LIVE = 64 };
static void *live[LIVE];
static void *volatile kept;

static unsigned next_random(void) {
  static unsigned state = 12345;
  return state = state * 1103515245u + 12345u, state >> 8;
}

static void *touched(void *memory, size_t bytes) {
  memset(memory, 1, bytes);
  return memory;
}

/* --- small blocks of one heap ---------------------------------------------------------------------------------------------------- */

__attribute__((noinline)) static void leak_site_small(void) { kept = touched(malloc(2048), 2048); }
__attribute__((noinline)) static void churn_site_small(unsigned i) {
  const size_t bytes = 64 + next_random() % 1500;
  free(live[i % LIVE]);
  live[i % LIVE] = touched(malloc(bytes), bytes);
}
static void small(unsigned i) {
  leak_site_small();
  for (unsigned k = 0; k < 20; k++) churn_site_small(i * 20 + k);
}

/* --- large blocks, each a mapping of its own -------------------------------------------------------------------------------------- */

enum { LARGE = 600 << 10 };
__attribute__((noinline)) static void leak_site_large(void) {
  kept = touched(mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), LARGE);
}
__attribute__((noinline)) static void churn_site_large(void) {
  void *memory = touched(mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), LARGE);
  munmap(memory, LARGE);
}
static void large(unsigned i) {
  for (unsigned k = 0; k < 4; k++) churn_site_large();
  if (i % 16 == 0) leak_site_large();
}

/* --- pages that are given back with their addresses kept --------------------------------------------------------------------------- */

__attribute__((noinline)) static void churn_site_discard(void) {
  static char *arena;
  if (!arena) arena = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  touched(arena, 4 << 20);
  madvise(arena, 4 << 20, MADV_DONTNEED);
}
__attribute__((noinline)) static void leak_site_discard(void) { kept = touched(malloc(40 << 10), 40 << 10); }
static void discard(unsigned i) {
  if (i % 8 == 0) churn_site_discard();
  leak_site_discard();
}

/* --- a buffer that grows and is thrown away, beside strings ------------------------------------------------------------------------- */

__attribute__((noinline)) static void churn_site_grow(void) {
  char *buffer = NULL;
  for (size_t bytes = 4096; bytes <= 4 << 20; bytes *= 2) {
    buffer = realloc(buffer, bytes);
    touched(buffer + bytes / 2, bytes / 2);
  }
  free(buffer);
}
__attribute__((noinline)) static void leak_site_grow(void) {
  static char text[900];
  memset(text, 'x', sizeof text - 1);
  for (int k = 0; k < 20; k++) kept = strdup(text);
}
static void grow(unsigned i) {
  if (i % 8 == 0) churn_site_grow();
  leak_site_grow();
}

/* --- one thread leaks, three churn in arenas of their own ----------------------------------------------------------------------------- */

__attribute__((noinline)) static void churn_site_threads(void) {
  void *block[16];
  for (int k = 0; k < 16; k++) block[k] = touched(malloc(100 << 10), 100 << 10);
  for (int k = 0; k < 16; k++) free(block[k]);
}
static void *churner(void *unused) {
  for (;;) {
    churn_site_threads();
    usleep(2000);
  }
  return unused;
}
__attribute__((noinline)) static void leak_site_threads(void) { kept = touched(malloc(20 << 10), 20 << 10); }
static void threads(unsigned i) {
  pthread_t thread;
  for (int k = 0; i == 0 && k < 3; k++)
    if (pthread_create(&thread, NULL, churner, NULL)) exit(1);
  leak_site_threads();
}

int main(int argc, char **argv) {
  static const struct { const char *name; void (*step)(unsigned); } modes[] = {
      {"small", small}, {"large", large}, {"discard", discard}, {"grow", grow}, {"threads", threads}};
  for (size_t m = 0; argc > 1 && m < sizeof modes / sizeof *modes; m++) {
    if (strcmp(argv[1], modes[m].name)) continue;
    const time_t end = time(NULL) + 60;
    for (unsigned i = 0; time(NULL) < end; i++) {
      modes[m].step(i);
      if (i % 4 == 0) usleep(1500);
    }
    return 0;
  }
  return fputs("usage: leaks small|large|discard|grow|threads\n", stderr), 2;
}
