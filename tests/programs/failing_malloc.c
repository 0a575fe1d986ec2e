/* For LD_PRELOAD: lets allocations fail, in the recorder's dump thread only, as the file that FAILING_MALLOC names says. It holds four
 * 64-bit numbers: which allocation of the thread is the first to fail (0: none), for how many from there on that goes, how large one must be
 * for it (memory that ends does so for large blocks first), and (written here) how many there were. tests/e2e/failing_allocations.py.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

static volatile uint64_t *orders;
static __thread uint64_t made;
static __thread int whose; /* 0: not asked yet, 1: the dump thread, 2: another one */
static void *(*real_malloc)(size_t);

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("FAILING_MALLOC");
  const int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  void *mapped = file >= 0 ? mmap(NULL, 32, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED;
  if (mapped != MAP_FAILED) orders = mapped;
  unsetenv("LD_PRELOAD"); /* the programs that it starts are not meant */
}

/* The thread names itself before it allocates anything. */
static int is_dump_thread(void) {
  if (!whose) {
    char name[16] = "";
    prctl(PR_GET_NAME, name);
    whose = strcmp(name, "fdr-dump") ? 2 : 1;
    if (whose == 2 && made++ < 4) whose = 0; /* perhaps it has not named itself yet */
    else made = 0;
  }
  return whose == 1;
}

void *malloc(size_t size) {
  if (!real_malloc) real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
  if (orders && is_dump_thread()) {
    orders[3] = ++made;
    if (orders[0] && made >= orders[0] && made < orders[0] + orders[1] && size >= orders[2]) {
      errno = ENOMEM;
      return NULL;
    }
  }
  return real_malloc(size);
}
