/* bird PORT ADDRESS...: the routing daemon of the load balancer. It sends each peer a BFD control packet every 400 ms,
 * and then scans the kernel's routes into a fresh table, as routing daemons do. A peer that gets none for three
 * intervals declares the link down. */

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { kIntervalMs = 400, kMaxPeers = 8, kRoutes = 1000000 };

struct bfd_packet {
    uint8_t version_diag, state_flags, detect_mult, length;
    uint32_t my_discriminator, your_discriminator, min_tx_us, min_rx_us, min_echo_us;
};

struct route {
    uint32_t prefix, next_hop;
    uint8_t length, protocol, scope, type;
    uint32_t metric;
    uint64_t attributes[6];
};

static struct timespec next_tick;

static void wait_for_tick(void) {
    struct timespec now;
    next_tick.tv_nsec += kIntervalMs * 1000000L;
    if (next_tick.tv_nsec >= 1000000000L) {
        next_tick.tv_nsec -= 1000000000L;
        next_tick.tv_sec++;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    /* Late ticks are not made up for: a burst of packets would tell the peer nothing. */
    if (now.tv_sec > next_tick.tv_sec || (now.tv_sec == next_tick.tv_sec && now.tv_nsec > next_tick.tv_nsec))
        next_tick = now;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next_tick, NULL) != 0) {
    }
}

static void bfd_transmit(int fd, const struct sockaddr_in *peer, uint32_t discriminator) {
    struct bfd_packet packet = {0x20, 0xc0, 3, sizeof packet, htonl(discriminator), htonl(discriminator),
                                htonl(kIntervalMs * 1000), htonl(kIntervalMs * 1000), 0};
    if (sendto(fd, &packet, sizeof packet, 0, (const struct sockaddr *)peer, sizeof *peer) < 0)
        perror("bird: sendto");
}

/* A full scan: the new table is built beside the old one, which is dropped once the new one is complete. */
static struct route *scan_kernel_routes(struct route *old) {
    struct route *table = malloc(kRoutes * sizeof *table);
    if (table == NULL) {
        fprintf(stderr, "bird: no memory for the routes, the old ones stay\n");
        return old;
    }
    for (uint32_t i = 0; i < kRoutes; i++)
        table[i] = (struct route){.prefix = i << 8, .next_hop = i % 7, .length = 24, .metric = 32};
    free(old);
    return table;
}

int main(int argc, char **argv) {
    struct sockaddr_in peers[kMaxPeers];
    int count = argc - 2;
    if (count < 1 || count > kMaxPeers) {
        fprintf(stderr, "usage: bird PORT ADDRESS...\n");
        return 2;
    }
    for (int i = 0; i < count; i++) {
        peers[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
        if (inet_pton(AF_INET, argv[i + 2], &peers[i].sin_addr) != 1) {
            fprintf(stderr, "bird: %s is no address\n", argv[i + 2]);
            return 2;
        }
    }
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        perror("bird: socket");
        return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &next_tick);
    for (struct route *routes = NULL;; routes = scan_kernel_routes(routes)) {
        wait_for_tick();
        for (int i = 0; i < count; i++)
            bfd_transmit(fd, &peers[i], (uint32_t)i + 1);
    }
}
