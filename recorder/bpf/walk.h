/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a program needs to have a user stack walked by rows (walk.bpf.c): a place of its own to do it in. */
#ifndef FDR_WALK_H
#define FDR_WALK_H

#include "recorder/bpf/maps.h"

#define FDR_READ_WORD(context, address, word) read_stack_word(context, address, word)
#define FDR_INLINE static __always_inline
struct walk_state;
static __always_inline int read_stack_word(struct walk_state *state, __u64 address, __u64 *word);
#include "unwind/row_step.h"

/* A tick can interrupt a system call's program, and a switch a reclaim's: each kind of program walks in its own state. */
enum walk_context { WALK_TICK, WALK_CALL, WALK_SWITCH, WALK_MEMORY, WALK_GROWTH, WALK_HEAP, WALK_CONTEXTS };

/* What was found for an address before: stacks repeat, and a search costs some twenty cache lines. */
struct walk_known {
  __u64 lookup; /* 0: nothing yet */
  __u32 space, seq; /* of the space when it was found: another one means that mappings have changed since */
  struct fdr_row row;
};
enum { WALK_KNOWN_BITS = 9 };

/* A return address and the rbp saved below it are neighbours, and so are small frames: a read from user space costs as much for a few
 * lines as for one word. NEAR_BELOW: as many words as registers are pushed under a return address (rbx, rbp, r12 to r15).
 */
enum { NEAR_WORDS = 16, NEAR_BELOW = 6, NEAR_PAGE = 4096 };
#define NEAR_NOTHING (1ull << 63) /* no address: nothing was read yet */

struct walk_state {
  struct fdr_walk walk;
  __u32 space; /* index */
  __u32 frames;
  struct fdr_row row; /* of the frame it has come to */
  __u64 near_at; /* where in the stack `near` was read, or NEAR_NOTHING */
  __u64 near[NEAR_WORDS];
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

static __always_inline int read_stack_word(struct walk_state *state, __u64 address, __u64 *word) {
  const __u64 into = address - state->near_at;
  if (into <= sizeof state->near - 8 && !(into & 7)) {
    *word = state->near[(into / 8) & (NEAR_WORDS - 1)];
    return 0;
  }
  const __u64 begin = address - NEAR_BELOW * 8;
  /* Within one page: the next one may not be there. */
  if (!(address & 7) && (begin & (NEAR_PAGE - 1)) <= NEAR_PAGE - sizeof state->near && !bpf_probe_read_user(state->near, sizeof state->near, (void *)begin)) {
    state->near_at = begin;
    *word = state->near[NEAR_BELOW];
    return 0;
  }
  state->near_at = NEAR_NOTHING; /* a read that failed has cleared it */
  return bpf_probe_read_user(word, 8, (void *)address);
}

/* Walks from state.walk on and fills state.frame. Global, as are the functions it calls: the verifier checks each once, with any
 * argument, and not again for each of 511 frames (static ones are refused at 127).
 */
extern int walk_user(__u32 context);

#endif
