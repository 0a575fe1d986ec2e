/* libfeed: a client for message brokers. One instance is one connection, with a thread that keeps it up and a queue of
 * messages that the host program polls. Lines over TCP, one message a line; datagrams over UDP, one message each. */
#ifndef FEED_H
#define FEED_H

#include <stddef.h>
#include <stdint.h>

enum { FEED_MESSAGE_MAX = 512 };

struct feed;

struct feed_stats {
  uint64_t messages;
  uint64_t truncated; /* datagrams longer than FEED_MESSAGE_MAX: their end is lost */
  uint64_t reconnects;
};

/* `arena_bytes` is set aside for batches at once, so that receiving never has to wait for memory. */
struct feed* feed_connect(const char* name, const char* host, uint16_t port, size_t arena_bytes);

/* Listens for datagrams; port 0 takes any, feed_port() says which. */
struct feed* feed_listen_udp(const char* name, uint16_t port, int receive_buffer, size_t arena_bytes);
uint16_t feed_port(const struct feed* feed);

/* The next message, or -1 after timeout_ms; the length of what was copied to `out`. */
int feed_poll(struct feed* feed, char* out, size_t size, int timeout_ms);

struct feed_stats feed_stats(struct feed* feed);

#endif
