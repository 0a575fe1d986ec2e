/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a program needs to have a user stack walked by rows (walk.bpf.c): a place of its own to do it in. */
#ifndef FDR_WALK_H
#define FDR_WALK_H

#include "recorder/bpf/maps.h"

#define FDR_READ_WORD(context, address, word) bpf_probe_read_user(word, 8, (void *)(address))
#define FDR_INLINE static __always_inline
#include "unwind/row_step.h"

/* A tick can interrupt a system call's program, and a switch a reclaim's: each kind of program walks in its own state. */
enum walk_context { WALK_TICK, WALK_CALL, WALK_SWITCH, WALK_MEMORY, WALK_GROWTH, WALK_CONTEXTS };

/* What was found for an address before: stacks repeat, and a search costs some twenty cache lines. */
struct walk_known {
  __u64 lookup; /* 0: nothing yet */
  __u32 space, seq; /* of the space when it was found: another one means that mappings have changed since */
  struct fdr_row row;
};
enum { WALK_KNOWN_BITS = 9 };

struct walk_state {
  struct fdr_walk walk;
  __u32 space; /* index */
  __u32 frames;
  struct fdr_row row; /* of the frame it has come to */
  struct fdr_registers registers;
  __u64 frame[FDR_MAX_FRAMES + 1];
  struct walk_known known[1 << WALK_KNOWN_BITS];
};

struct walks_map {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, WALK_CONTEXTS);
  __type(key, __u32);
  __type(value, struct walk_state);
};
extern struct walks_map walks SEC(".maps");

/* Walks from state.walk on and fills state.frame. Global, as are the functions it calls: the verifier checks each once, with any
 * argument, and not again for each of 511 frames (static ones are refused at 127).
 */
extern int walk_user(__u32 context);

#endif
