/* broker: sends lines to whoever connects, 100 a second on each of its ports.
 *
 *     broker PORTS     listens on as many ports of loopback and prints them, one a line
 *
 * SIGUSR1 takes the last port away, with its connections: the node behind it is gone. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORTS_MAX = 16, CONNECTIONS_MAX = 2048 };

static int listeners[PORTS_MAX];
static struct { int fd, port_index; } connections[CONNECTIONS_MAX];
static int ports, open_connections;
static volatile sig_atomic_t take_last_away;

static void on_usr1(int number) {
  (void)number;
  take_last_away = 1;
}

static int listen_on_loopback(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(fd, (struct sockaddr*)&address, size) || listen(fd, 64) ||
      getsockname(fd, (struct sockaddr*)&address, &size)) {
    perror("broker");
    exit(1);
  }
  printf("%u\n", ntohs(address.sin_port));
  return fd;
}

static void drop(int connection) {
  close(connections[connection].fd);
  connections[connection] = connections[--open_connections];
}

static void accept_new(void) {
  for (int i = 0; i < ports; i++) {
    int fd;
    while (open_connections < CONNECTIONS_MAX && (fd = accept4(listeners[i], NULL, NULL, SOCK_NONBLOCK)) >= 0) {
      connections[open_connections].fd = fd;
      connections[open_connections++].port_index = i;
    }
  }
}

static void send_to_all(unsigned sequence) {
  char line[256];
  int length = snprintf(line, sizeof line, "event=%u host=web%u path=/cart/%u status=200 bytes=%u agent=Mozilla/5.0\n",
                        sequence, sequence % 17, sequence % 1009, sequence * 2654435761u % 100000);
  for (int i = open_connections - 1; i >= 0; i--)
    if (send(connections[i].fd, line, length, MSG_NOSIGNAL) == 0) drop(i);
}

static void lose_last_port(void) {
  take_last_away = 0;
  close(listeners[--ports]);
  for (int i = open_connections - 1; i >= 0; i--)
    if (connections[i].port_index == ports) drop(i);
}

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGUSR1, on_usr1);
  ports = argc > 1 ? atoi(argv[1]) : 1;
  if (ports < 1 || ports > PORTS_MAX) return 2;
  for (int i = 0; i < ports; i++) listeners[i] = listen_on_loopback();
  for (unsigned sequence = 0;; sequence++) {
    accept_new();
    send_to_all(sequence);
    struct timespec pause = {.tv_nsec = 10000000};
    nanosleep(&pause, NULL);
    if (take_last_away && ports > 1) lose_last_port();
  }
}
