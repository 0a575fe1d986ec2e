/* A process of many threads for scripts/bench --peers: THREADS threads that each work for some microseconds, sleep for some
 * milliseconds, and so on, together a fifth more than the CPUs can do, so that what watches them shows. For each line on
 * stdin they do so for SECONDS, and rounds of all threads a second are printed; otherwise they wait: a tool that is armed
 * beside them must not starve for its first minute.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static atomic_long rounds;
static double pause_s;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static atomic_bool open_now;

static void wait_at_gate(void) {
  if (atomic_load_explicit(&open_now, memory_order_relaxed)) return;
  pthread_mutex_lock(&gate);
  while (!open_now) pthread_cond_wait(&opened, &gate);
  pthread_mutex_unlock(&gate);
}

static void set_gate(bool open) {
  pthread_mutex_lock(&gate);
  open_now = open;
  pthread_cond_broadcast(&opened);
  pthread_mutex_unlock(&gate);
}

static double now_s(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void sleep_s(double seconds) {
  const struct timespec time = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
  nanosleep(&time, NULL);
}

static unsigned long work(unsigned long x) {
  for (int i = 0; i < 20000; i++) x = x * 6364136223846793005u + 1442695040888963407u;
  return x;
}

static void *serve(void *number) {
  volatile unsigned long sink = (unsigned long)number;
  for (;;) {
    wait_at_gate();
    sink = work(sink);
    atomic_fetch_add_explicit(&rounds, 1, memory_order_relaxed);
    sleep_s(pause_s);
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc < 3) return fputs("usage: bench_threads SECONDS THREADS\n", stderr), 2;
  const double seconds = atof(argv[1]);
  const double begin = now_s();
  volatile unsigned long sink = 1;
  for (int i = 0; i < 1000; i++) sink = work(sink);
  pause_s = (now_s() - begin) / 1000 * atol(argv[2]) / (1.2 * sysconf(_SC_NPROCESSORS_ONLN));
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 128 << 10);
  for (long i = 0; i < atol(argv[2]); i++) {
    pthread_t thread;
    if (pthread_create(&thread, &small, serve, (void *)i)) return perror("pthread_create"), 1;
  }
  for (int c; (c = getchar()) != EOF;) {
    if (c != '\n') continue;
    set_gate(true);
    const long before = atomic_load(&rounds);
    const double begin = now_s();
    sleep_s(seconds);
    printf("%.1f\n", (atomic_load(&rounds) - before) / (now_s() - begin));
    set_gate(false);
    fflush(stdout);
  }
  return 0;
}
