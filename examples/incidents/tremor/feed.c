#define _GNU_SOURCE
#include "feed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { QUEUE_LENGTH = 64, BACKOFF_FIRST_MS = 100, BACKOFF_LAST_MS = 800 };

struct feed {
  char name[16];
  struct sockaddr_in peer;
  int fd;
  char* arena;
  size_t arena_bytes;
  size_t arena_next;

  pthread_mutex_t queue_lock; /* guards queue and stats */
  pthread_cond_t queue_filled;
  char queue[QUEUE_LENGTH][FEED_MESSAGE_MAX];
  int lengths[QUEUE_LENGTH];
  unsigned head, tail;
  struct feed_stats stats;

  pthread_mutex_t state_lock; /* guards stopping; state_changed cuts a backoff short */
  pthread_cond_t state_changed;
  bool stopping;
};

/* --- queue ------------------------------------------------------------------------------------------------------- */

static struct timespec feed_deadline(int timeout_ms) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += timeout_ms / 1000;
  deadline.tv_nsec += (timeout_ms % 1000) * 1000000L;
  if (deadline.tv_nsec >= 1000000000L) {
    deadline.tv_nsec -= 1000000000L;
    deadline.tv_sec++;
  }
  return deadline;
}

/* Every message also goes into the arena, from which batches are cut when a consumer lags. The oldest give way. */
static void feed_enqueue(struct feed* feed, const char* message, int length, bool truncated) {
  if (feed->arena_next + length > feed->arena_bytes) feed->arena_next = 0;
  memcpy(feed->arena + feed->arena_next, message, length);
  feed->arena_next += length;

  pthread_mutex_lock(&feed->queue_lock);
  unsigned slot = feed->tail++ % QUEUE_LENGTH;
  if (feed->tail - feed->head > QUEUE_LENGTH) feed->head++;
  memcpy(feed->queue[slot], message, length);
  feed->lengths[slot] = length;
  feed->stats.messages++;
  feed->stats.truncated += truncated;
  pthread_cond_signal(&feed->queue_filled);
  pthread_mutex_unlock(&feed->queue_lock);
}

int feed_poll(struct feed* feed, char* out, size_t size, int timeout_ms) {
  struct timespec deadline = feed_deadline(timeout_ms);
  int length = -1;
  pthread_mutex_lock(&feed->queue_lock);
  while (feed->head == feed->tail)
    if (pthread_cond_timedwait(&feed->queue_filled, &feed->queue_lock, &deadline) == ETIMEDOUT) break;
  if (feed->head != feed->tail) {
    unsigned slot = feed->head++ % QUEUE_LENGTH;
    length = feed->lengths[slot];
    if ((size_t)length > size) length = size;
    memcpy(out, feed->queue[slot], length);
  }
  pthread_mutex_unlock(&feed->queue_lock);
  return length;
}

struct feed_stats feed_stats(struct feed* feed) {
  pthread_mutex_lock(&feed->queue_lock);
  struct feed_stats stats = feed->stats;
  pthread_mutex_unlock(&feed->queue_lock);
  return stats;
}

/* --- the connection's thread ---------------------------------------------------------------------------------------
 */

/* Waits before the next attempt, or until the instance is stopped. Backoffs are shorter than a second. */
static void feed_backoff_wait(struct feed* feed, int backoff_ms) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_nsec += backoff_ms * 1000000L;
  pthread_mutex_lock(&feed->state_lock);
  while (!feed->stopping)
    if (pthread_cond_timedwait(&feed->state_changed, &feed->state_lock, &deadline) == ETIMEDOUT) break;
  pthread_mutex_unlock(&feed->state_lock);
}

static bool feed_broker_dial(struct feed* feed) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, (struct sockaddr*)&feed->peer, sizeof feed->peer) != 0) {
    close(fd);
    return false;
  }
  feed->fd = fd;
  return true;
}

static void feed_broker_reconnect(struct feed* feed) {
  int backoff_ms = BACKOFF_FIRST_MS;
  while (!feed_broker_dial(feed)) {
    feed_backoff_wait(feed, backoff_ms);
    if (backoff_ms < BACKOFF_LAST_MS) backoff_ms *= 2;
  }
  pthread_mutex_lock(&feed->queue_lock);
  feed->stats.reconnects++;
  pthread_mutex_unlock(&feed->queue_lock);
}

/* Hands over the whole lines of `bytes`, and returns how many bytes of an unfinished one it moved to the front. */
static size_t feed_split_lines(struct feed* feed, char* bytes, size_t used) {
  char *line = bytes, *end;
  while ((end = memchr(line, '\n', bytes + used - line))) {
    feed_enqueue(feed, line, end - line, false);
    line = end + 1;
  }
  size_t rest = bytes + used - line;
  memmove(bytes, line, rest);
  return rest == FEED_MESSAGE_MAX ? 0 : rest;
}

/* Returns when the broker has closed the connection. */
static void feed_broker_receive(struct feed* feed) {
  char bytes[FEED_MESSAGE_MAX];
  size_t used = 0;
  ssize_t got;
  while ((got = recv(feed->fd, bytes + used, sizeof bytes - used, 0)) > 0)
    used = feed_split_lines(feed, bytes, used + got);
  close(feed->fd);
  feed->fd = -1;
}

static void* feed_broker_main(void* argument) {
  struct feed* feed = argument;
  for (;;) {
    feed_broker_reconnect(feed);
    feed_broker_receive(feed);
  }
  return NULL;
}

/* MSG_TRUNC makes recv return the length the datagram had, not the part that was copied. */
static void* feed_udp_main(void* argument) {
  struct feed* feed = argument;
  char bytes[FEED_MESSAGE_MAX];
  for (;;) {
    ssize_t length = recv(feed->fd, bytes, sizeof bytes, MSG_TRUNC);
    if (length < 0) continue;
    bool truncated = length > (ssize_t)sizeof bytes;
    feed_enqueue(feed, bytes, truncated ? (int)sizeof bytes : (int)length, truncated);
  }
  return NULL;
}

/* --- instances -----------------------------------------------------------------------------------------------------
 */

/* Touched at once: a page fault in the middle of a batch would cost a deadline. */
static char* feed_arena_new(size_t bytes) {
  char* arena = malloc(bytes);
  if (!arena) abort();
  memset(arena, 0xa5, bytes);
  return arena;
}

static struct feed* feed_new(const char* name, size_t arena_bytes) {
  struct feed* feed = calloc(1, sizeof *feed);
  snprintf(feed->name, sizeof feed->name, "%s", name);
  feed->fd = -1;
  feed->arena = feed_arena_new(arena_bytes);
  feed->arena_bytes = arena_bytes;
  pthread_mutex_init(&feed->queue_lock, NULL);
  pthread_cond_init(&feed->queue_filled, NULL);
  pthread_mutex_init(&feed->state_lock, NULL);
  pthread_cond_init(&feed->state_changed, NULL);
  return feed;
}

static void feed_start(struct feed* feed, void* (*thread_main)(void*)) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, thread_main, feed) != 0) abort();
  pthread_setname_np(thread, feed->name);
}

struct feed* feed_connect(const char* name, const char* host, uint16_t port, size_t arena_bytes) {
  struct feed* feed = feed_new(name, arena_bytes);
  feed->peer = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &feed->peer.sin_addr);
  feed_start(feed, feed_broker_main);
  return feed;
}

struct feed* feed_listen_udp(const char* name, uint16_t port, int receive_buffer, size_t arena_bytes) {
  struct feed* feed = feed_new(name, arena_bytes);
  feed->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  setsockopt(feed->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(feed->fd, (struct sockaddr*)&address, sizeof address) != 0) abort();
  socklen_t size = sizeof feed->peer;
  getsockname(feed->fd, (struct sockaddr*)&feed->peer, &size);
  feed_start(feed, feed_udp_main);
  return feed;
}

uint16_t feed_port(const struct feed* feed) { return ntohs(feed->peer.sin_port); }
