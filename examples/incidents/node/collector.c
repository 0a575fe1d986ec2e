/* collector: takes log records over HTTP, one POST each, and answers 204.
 *
 *     collector ADDRESS      listens on any port of it and prints the port
 *
 * From SIGUSR1 on its disk is full: of a new record it reads what comes first, answers 503 with a page of HTML that
 * comes in three parts, as it is rendered, and leaves the rest of the request and the connection alone. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 4096, RECEIVE_BUFFER = 4096, SEND_BUFFER = 65536, PARTS = 3, RENDER_MS = 1500 };

static const int kPartBytes[PARTS] = {20480, 20480, 1101};

struct connection {
  size_t expected;  /* bytes of the request still to come */
  int parts_left;   /* of the page */
  long part_due_ms; /* when the next one goes out */
  char header[2048];
  size_t header_used;
};

static struct pollfd polled[CONNECTIONS_MAX];
static struct connection connections[CONNECTIONS_MAX];
static int used;
static volatile sig_atomic_t disk_full;

static void on_usr1(int number) {
  (void)number;
  disk_full = 1;
}

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int listen_on(const char* address) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  int size = RECEIVE_BUFFER;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  size = SEND_BUFFER;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  struct sockaddr_in name = {.sin_family = AF_INET};
  socklen_t length = sizeof name;
  inet_pton(AF_INET, address, &name.sin_addr);
  if (bind(fd, (struct sockaddr*)&name, length) || listen(fd, 511) ||
      getsockname(fd, (struct sockaddr*)&name, &length)) {
    perror("collector");
    exit(1);
  }
  printf("%u\n", ntohs(name.sin_port));
  return fd;
}

static void send_part(int index) {
  static char text[20480] = "<p>";
  struct connection* connection = &connections[index];
  if (!connection->parts_left || now_ms() < connection->part_due_ms) return;
  send(polled[index].fd, text, kPartBytes[PARTS - connection->parts_left], MSG_NOSIGNAL);
  connection->parts_left--;
  connection->part_due_ms = now_ms() + RENDER_MS;
}

static void answer_unavailable(int index) {
  char header[256];
  int length = snprintf(header, sizeof header,
                        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n",
                        kPartBytes[0] + kPartBytes[1] + kPartBytes[2]);
  send(polled[index].fd, header, length, MSG_NOSIGNAL | MSG_MORE);
  polled[index].events = 0;
  connections[index].parts_left = PARTS;
  send_part(index);
}

static void answer_taken(int fd) {
  static const char kAnswer[] = "HTTP/1.1 204 No Content\r\n\r\n";
  send(fd, kAnswer, sizeof kAnswer - 1, MSG_NOSIGNAL);
}

/* The length of header and body, once the header is there; 0 before. */
static size_t request_length(struct connection* connection) {
  connection->header[connection->header_used] = 0;
  char* end = strstr(connection->header, "\r\n\r\n");
  char* length = strcasestr(connection->header, "content-length:");
  if (!end || !length) return 0;
  return end + 4 - connection->header + strtoul(length + strlen("content-length:"), NULL, 10);
}

/* False when the other side has closed. */
static int take(int index) {
  struct connection* connection = &connections[index];
  char bytes[4096];
  size_t room = connection->expected ? sizeof bytes : sizeof connection->header - 1 - connection->header_used;
  if (connection->expected && connection->expected < room) room = connection->expected;
  ssize_t got =
      recv(polled[index].fd, connection->expected ? bytes : connection->header + connection->header_used, room, 0);
  if (got <= 0) return 0;
  if (disk_full && !connection->expected) {
    answer_unavailable(index);
    return 1;
  }
  if (connection->expected) {
    connection->expected -= got;
  } else {
    connection->header_used += got;
    size_t length = request_length(connection);
    if (!length) return 1;
    connection->expected = length - connection->header_used;
  }
  if (!connection->expected) {
    answer_taken(polled[index].fd);
    connection->header_used = 0;
  }
  return 1;
}

static void drop(int index) {
  close(polled[index].fd);
  polled[index] = polled[--used];
  connections[index] = connections[used];
}

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGUSR1, on_usr1);
  if (argc != 2) return 2;
  polled[used++] = (struct pollfd){.fd = listen_on(argv[1]), .events = POLLIN};
  for (;;) {
    poll(polled, used, 100);
    for (int i = used - 1; i > 0; i--) {
      send_part(i);
      if (polled[i].revents && (!(polled[i].revents & POLLIN) || !take(i))) drop(i);
    }
    int fd;
    while (used < CONNECTIONS_MAX && (fd = accept4(polled[0].fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
      connections[used] = (struct connection){0};
      polled[used++] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
  }
}
