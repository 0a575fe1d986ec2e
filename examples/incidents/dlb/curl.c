/* curl [--pki DIR] ADDRESS:PORT/PATH: asks for a page once and exits 0 if it is there. With --pki it opens the
 * certificate database of DIR first, and like every program on that library measures how fast DIR is by looking for
 * files that are not there, to decide whether a cache of its own would pay. */

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kProbes = 10000 };

/* Names no file can have: each process takes its own, and none is asked for twice. */
static int measure_access(const char *directory) {
    char path[512];
    unsigned long first = (unsigned long)getpid() * kProbes;
    int missing = 0;
    for (unsigned long i = 0; i < kProbes; i++) {
        snprintf(path, sizeof path, "%s/.%lu_dOeSnotExist_.db", directory, first + i);
        if (access(path, F_OK) != 0 && errno == ENOENT)
            missing++;
    }
    return missing;
}

static int http_get(const char *address, int port, const char *path) {
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    char text[512];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status = 0;
    if (fd < 0 || inet_pton(AF_INET, address, &server.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&server, sizeof server) != 0)
        return 0;
    int length = snprintf(text, sizeof text, "GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n", path, address);
    if (write(fd, text, (size_t)length) == length) {
        ssize_t got = read(fd, text, sizeof text - 1);
        text[got > 0 ? got : 0] = 0;
        sscanf(text, "HTTP/%*s %d", &status);
    }
    close(fd);
    return status;
}

int main(int argc, char **argv) {
    const char *pki = NULL, *url = argv[argc - 1];
    char address[64], path[256] = "";
    int port, missing = 0;
    if (argc == 4 && strcmp(argv[1], "--pki") == 0)
        pki = argv[2];
    if ((argc != 2 && pki == NULL) || sscanf(url, "%63[^:]:%d/%255s", address, &port, path) < 2) {
        fprintf(stderr, "usage: curl [--pki DIR] ADDRESS:PORT/PATH\n");
        return 2;
    }
    if (pki != NULL)
        missing = measure_access(pki);
    int status = http_get(address, port, path);
    printf("%s %d %d\n", url, status, missing);
    return status == 200 ? 0 : 22;
}
