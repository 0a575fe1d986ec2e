/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Failed calls of every process of the host, added up by program, call, error and directory. */
#ifndef FDR_FAILING_H
#define FDR_FAILING_H

#include "recorder/bpf/maps.h"

/* What is too large for a program's stack; of one CPU, in use within one note_failing(). */
struct failing_scratch {
  struct fdr_failing_key key;
  __u64 path_hash;
  struct fdr_failing first;
};

struct failing_scratch_map {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct failing_scratch);
};
extern struct failing_scratch_map failing_scratch SEC(".maps");

/* A call of the current task that failed. `path`: where the program says what it asked for, 0: the call has none. */
int note_failing(__u32 nr, __u32 error, __u64 path, __u64 now, __u32 of_target);

#endif
