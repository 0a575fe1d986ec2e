/* Loads libraries while it runs. For each line "SECONDS PATH" on stdin: loads PATH, lets its run(SECONDS) burn CPU, unloads it, and
 * prints the address that run() had.
 */
#include <dlfcn.h>
#include <stdio.h>

static int use(const char *path, double seconds) {
  void *library = dlopen(path, RTLD_NOW);
  if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
  void (*run)(double);
  *(void **)&run = dlsym(library, "run");
  if (!run) return fprintf(stderr, "%s\n", dlerror()), 1;
  run(seconds);
  printf("%p\n", (void *)run);
  fflush(stdout);
  return dlclose(library);
}

int main(void) {
  double seconds;
  char path[4096];
  while (scanf("%lf %4095s", &seconds, path) == 2)
    if (use(path, seconds)) return 1;
  return 0;
}
