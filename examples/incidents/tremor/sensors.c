/* sensors: datagrams to one port of loopback, as many field devices would send them.
 *
 *     sensors PORT     one of 200 bytes each 5 ms
 *
 * From SIGUSR1 on all devices report in step: 64 datagrams at once every 5 ms, each tenth of 1400 bytes. Prints what it
 * has sent once a second: datagrams, and how many of them were long. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { SHORT = 200, LONG = 1400, BURST = 64, ROUNDS_PER_SECOND = 200 };

static volatile sig_atomic_t in_step;

static void on_usr1(int number) {
  (void)number;
  in_step = 1;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGUSR1, on_usr1);
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr*)&address, sizeof address) != 0) return 1;

  char reading[LONG];
  for (int i = 0; i < LONG; i++) reading[i] = i % 8 == 7 ? ' ' : 'a' + i % 23;
  unsigned long sent = 0, sent_long = 0;
  for (unsigned round = 1;; round++) {
    int burst = in_step ? BURST : 1;
    for (int i = 0; i < burst; i++) {
      int is_long = in_step && i % 10 == 0;
      if (send(fd, reading, is_long ? LONG : SHORT, 0) < 0) continue;
      sent++;
      sent_long += is_long;
    }
    if (round % ROUNDS_PER_SECOND == 0) printf("sent=%lu long=%lu\n", sent, sent_long);
    struct timespec pause = {.tv_nsec = 1000000000L / ROUNDS_PER_SECOND};
    nanosleep(&pause, NULL);
  }
}
