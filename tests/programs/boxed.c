/* A container without a runtime, for tests/e2e/containers_from_host.py. Started as the first process of its own PID, mount and network
 * namespaces (unshare(1)):
 *
 *   boxed enter ROOT PATH PAIRS BYTES
 *                            makes ROOT the root, as runtimes do (pivot_root(2)), and becomes the program PATH in there, which is this one:
 *   boxed work PAIRS BYTES   a child burns CPU in box_outer < box_inner; its parent has PAIRS connections to its own port 4711, and in each
 *                            BYTES that nobody reads. "ready" on stdout, then it goes on until it is ended.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile unsigned long sink;

__attribute__((noinline)) void box_inner(void) {
  for (int i = 0; i < 20000; i++) sink += (unsigned long)i;
}

__attribute__((noinline)) void box_outer(void) {
  for (;;) box_inner();
}

static int fail(const char *what) { return perror(what), 1; }

static int enter(const char *root, const char *path, char **arguments) {
  if (mount(root, root, NULL, MS_BIND, NULL) || chdir(root)) return fail(root);
  if (mount("proc", "proc", "proc", 0, NULL)) return fail("mount proc");
  if (syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/")) return fail("pivot_root");
  execv(path, arguments);
  return fail(path);
}

__attribute__((noinline)) int work(int pairs, int bytes) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct ifreq loopback;
  memset(&loopback, 0, sizeof loopback);
  strcpy(loopback.ifr_name, "lo");
  loopback.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(listener, SIOCSIFFLAGS, &loopback)) return fail("bring up lo");
  const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(4711), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  if (bind(listener, (const struct sockaddr *)&address, sizeof address) || listen(listener, pairs)) return fail("listen");
  char *text = calloc(1, (size_t)bytes);
  for (int i = 0; i < pairs; i++) {
    const int near = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(near, (const struct sockaddr *)&address, sizeof address) || accept(listener, NULL, NULL) < 0) return fail("connect");
    if (write(near, text, (size_t)bytes) != bytes) return fail("write");
  }
  const pid_t child = fork();
  if (child < 0) return fail("fork");
  if (child == 0) box_outer();
  puts("ready");
  fflush(stdout);
  for (;;) pause();
}

int main(int argc, char **argv) {
  if (argc == 6 && !strcmp(argv[1], "enter")) {
    char *arguments[] = {argv[3], "work", argv[4], argv[5], NULL};
    return enter(argv[2], argv[3], arguments);
  }
  if (argc == 4 && !strcmp(argv[1], "work")) return work(atoi(argv[2]), atoi(argv[3]));
  return fprintf(stderr, "usage: boxed enter ROOT PATH PAIRS BYTES | work PAIRS BYTES\n"), 2;
}
