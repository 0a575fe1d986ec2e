/* Makes each read of a clock a system call, as it is on hosts whose clock source the vDSO cannot read (Xen, HPET, ACPI
 * PM). */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec* now) { return syscall(SYS_clock_gettime, clock, now); }

int gettimeofday(struct timeval* restrict now, void* restrict zone) { return syscall(SYS_gettimeofday, now, zone); }
