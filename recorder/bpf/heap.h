/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Blocks that targets hold, by who allocated them: the maps of heap.bpf.c. User space gives them their sizes, and leaves them out where no
 * target asks for it.
 */
#ifndef FDR_HEAP_H
#define FDR_HEAP_H

#include "recorder/bpf/maps.h"

struct heap_blocks_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1);
  __type(key, struct fdr_heap_key);
  __type(value, struct fdr_heap_block);
};
extern struct heap_blocks_map heap_blocks SEC(".maps");

struct heap_stacks_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1);
  __type(key, __u64);
  __type(value, struct fdr_heap_stack);
};
extern struct heap_stacks_map heap_stacks SEC(".maps");

FDR_ARRAY(heap_counts, struct fdr_heap_counts);

/* A call that has begun and whose return matters: it was sampled, or moves a block that was. By thread. */
struct heap_call {
  __u64 sp;   /* at its entry */
  __u64 size; /* 0: not sampled */
  __u64 old;  /* the block it moves */
  __u64 out;  /* FDR_HEAP_POSIX: where the address goes */
};
struct heap_calls_map {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, __u64);
  __type(value, struct heap_call);
};
extern struct heap_calls_map heap_calls SEC(".maps");

/* A stack in the making: too large for a program's own. */
struct heap_scratch {
  __u64 taken;
  struct fdr_heap_stack stack;
};
struct heap_scratches_map {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct heap_scratch);
};
extern struct heap_scratches_map heap_scratches SEC(".maps");

/* Quantiles of the exponential distribution, in bytes: entry i is what a gap stays below with a chance of i / FDR_HEAP_GAPS. */
extern const volatile __u64 heap_gaps[FDR_HEAP_GAPS];

#endif
