/* bfd_peer ADDRESS PORT: the router at the other end of a link. After three intervals of 400 ms without a BFD packet it
 * says "down LAST_SEEN", at the next packet "up LAST_SEEN GAP_SECONDS MISSED", and at SIGTERM "end
 * LONGEST_GAP_SECONDS PACKETS". Times are those at which the kernel received a packet (CLOCK_REALTIME): a late bfd_peer
 * sees no gap that was not there. */

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static const double kIntervalS = 0.4, kDetectS = 3 * 0.4;
static volatile sig_atomic_t ended;

static void on_term(int number) {
    (void)number;
    ended = 1;
}

static double seconds(struct timespec time) {
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double received_at(struct msghdr *message) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec time;
            memcpy(&time, CMSG_DATA(c), sizeof time);
            return seconds(time);
        }
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: bfd_peer ADDRESS PORT\n");
        return 2;
    }
    struct sigaction action = {.sa_handler = on_term};
    sigaction(SIGTERM, &action, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct sockaddr_in self = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2]))};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;
    if (inet_pton(AF_INET, argv[1], &self.sin_addr) != 1 || fd < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&self, sizeof self) != 0) {
        perror("bfd_peer");
        return 1;
    }
    struct timeval patience = {0, 100000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    double last = 0, longest = 0;
    unsigned long packets = 0;
    int down = 0;
    while (!ended) {
        char data[64], control[128];
        struct iovec room = {data, sizeof data};
        struct msghdr message = {
            .msg_iov = &room, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        if (recvmsg(fd, &message, 0) < 0) {
            struct timespec now;
            if (errno != EINTR && errno != EAGAIN) {
                perror("bfd_peer: recvmsg");
                return 1;
            }
            clock_gettime(CLOCK_REALTIME, &now);
            if (!down && last > 0 && seconds(now) - last > kDetectS) {
                printf("down %.3f\n", last);
                down = 1;
            }
            continue;
        }
        double now = received_at(&message), gap = last > 0 ? now - last : 0;
        packets++;
        if (gap > longest)
            longest = gap;
        if (gap > kDetectS)
            printf("up %.3f %.3f %d\n", last, gap, (int)(gap / kIntervalS + 0.5) - 1);
        last = now;
        down = 0;
    }
    printf("end %.3f %lu\n", longest, packets);
    return 0;
}
