/* client ADDRESS:PORT CONNECTIONS PAUSE_MS: users of the load balancer. Each of CONNECTIONS processes asks for the
 * page, reads it to its end, waits and asks again. At SIGTERM each says "REQUESTS FAILED SLOWEST_SECONDS". */

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t ended;

static void on_term(int number) {
    (void)number;
    ended = 1;
}

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int fetch(const struct sockaddr_in *server) {
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    static char page[65536];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), good = 0;
    if (fd >= 0 && connect(fd, (const struct sockaddr *)server, sizeof *server) == 0 &&
        write(fd, request, sizeof request - 1) == sizeof request - 1) {
        ssize_t got = read(fd, page, sizeof page);
        good = got > 12 && memcmp(page + 9, "200", 3) == 0;
        while (got > 0)
            got = read(fd, page, sizeof page);
    }
    if (fd >= 0)
        close(fd);
    return good;
}

static int user(const struct sockaddr_in *server, int pause_ms) {
    struct timespec pause = {pause_ms / 1000, pause_ms % 1000 * 1000000L};
    unsigned long requests = 0, failed = 0;
    double slowest = 0;
    while (!ended) {
        double began = now_s();
        if (!fetch(server) && !ended)
            failed++;
        requests++;
        if (now_s() - began > slowest)
            slowest = now_s() - began;
        nanosleep(&pause, NULL);
    }
    printf("%lu %lu %.3f\n", requests, failed, slowest);
    return 0;
}

int main(int argc, char **argv) {
    struct sockaddr_in server = {.sin_family = AF_INET};
    char address[64];
    int port, connections = argc == 4 ? atoi(argv[2]) : 0;
    if (connections < 1 || sscanf(argv[1], "%63[^:]:%d", address, &port) != 2 ||
        inet_pton(AF_INET, address, &server.sin_addr) != 1) {
        fprintf(stderr, "usage: client ADDRESS:PORT CONNECTIONS PAUSE_MS\n");
        return 2;
    }
    server.sin_port = htons((unsigned short)port);
    struct sigaction action = {.sa_handler = on_term};
    sigaction(SIGTERM, &action, NULL);
    for (int i = 0; i < connections; i++) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            return user(&server, atoi(argv[3]));
        }
    }
    while (!ended)
        pause();
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM); /* the users: the group is ours */
    while (wait(NULL) > 0) {
    }
    return 0;
}
