/* Loads the programs of a BPF OBJECT, attaches those that are named, or all, prints "attached" and holds them until
 * stdin ends: for scripts/bench.
 */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

static int wanted(const char *name, char **names) {
  if (!*names) return 1;
  for (; *names; names++)
    if (!strcmp(*names, name)) return 1;
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2) return fputs("usage: hold_bpf OBJECT [PROGRAM...]\n", stderr), 2;
  struct bpf_object *object = bpf_object__open_file(argv[1], NULL);
  if (!object || bpf_object__load(object)) return perror("hold_bpf: load"), 1;
  struct bpf_program *program;
  bpf_object__for_each_program(program, object) {
    if (!wanted(bpf_program__name(program), argv + 2)) continue;
    if (!bpf_program__attach(program)) return perror("hold_bpf: attach"), 1;
  }
  puts("attached");
  fflush(stdout);
  while (getchar() != EOF) {
  }
  return 0;
}
