/* tremor: an event processor. Each pipeline takes the messages of one feed and keeps counters of the words in them.
 *
 *     tremor ARENA_MB PORT...      PORT: of a broker on loopback, or `udp` for a receiver of datagrams
 *
 * SIGHUP deploys the first pipeline once more, with a feed of its own. A line of figures goes to stdout each second. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "feed.h"

enum { PIPELINES_MAX = 1024, WORDS = 4096 };

struct pipeline {
  struct feed* feed;
  uint32_t counts[WORDS];
};

static struct pipeline* pipelines[PIPELINES_MAX];
static int deployed;

static uint32_t hash_word(const char* word, int length) {
  uint32_t hash = 2166136261u;
  for (int i = 0; i < length; i++) hash = (hash ^ (unsigned char)word[i]) * 16777619u;
  return hash;
}

static void pipeline_process(struct pipeline* pipeline, const char* message, int length) {
  const char *word = message, *end = message + length;
  while (word < end) {
    const char* stop = memchr(word, ' ', end - word);
    if (!stop) stop = end;
    pipeline->counts[hash_word(word, stop - word) % WORDS]++;
    word = stop + 1;
  }
}

static void* pipeline_main(void* argument) {
  struct pipeline* pipeline = argument;
  char message[FEED_MESSAGE_MAX];
  for (;;) {
    int length = feed_poll(pipeline->feed, message, sizeof message, 250);
    if (length >= 0) pipeline_process(pipeline, message, length);
  }
  return NULL;
}

static void pipeline_deploy(const char* source, size_t arena_bytes) {
  if (deployed == PIPELINES_MAX) return;
  struct pipeline* pipeline = calloc(1, sizeof *pipeline);
  char name[16];
  snprintf(name, sizeof name, "feed-%d", deployed);
  if (strcmp(source, "udp") == 0) {
    pipeline->feed = feed_listen_udp(name, 0, 8192, arena_bytes);
    printf("pipeline %d listens on 127.0.0.1:%u\n", deployed, feed_port(pipeline->feed));
  } else {
    pipeline->feed = feed_connect(name, "127.0.0.1", atoi(source), arena_bytes);
  }
  pthread_t thread;
  if (pthread_create(&thread, NULL, pipeline_main, pipeline) != 0) abort();
  snprintf(name, sizeof name, "pipeline-%d", deployed);
  pthread_setname_np(thread, name);
  pipelines[deployed++] = pipeline;
}

static void print_figures(void) {
  struct feed_stats sum = {0};
  for (int i = 0; i < deployed; i++) {
    struct feed_stats stats = feed_stats(pipelines[i]->feed);
    sum.messages += stats.messages;
    sum.truncated += stats.truncated;
  }
  printf("pipelines=%d messages=%lu truncated=%lu\n", deployed, sum.messages, sum.truncated);
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: tremor ARENA_MB PORT|udp...\n");
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  sigset_t hangup;
  sigemptyset(&hangup);
  sigaddset(&hangup, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &hangup, NULL);

  size_t arena_bytes = (size_t)atoi(argv[1]) << 20;
  for (int i = 2; i < argc; i++) pipeline_deploy(argv[i], arena_bytes);
  for (;;) {
    struct timespec second = {.tv_sec = 1};
    if (sigtimedwait(&hangup, NULL, &second) == SIGHUP) pipeline_deploy(argv[2], arena_bytes);
    print_figures();
  }
}
