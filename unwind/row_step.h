/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* row_step.h: one step of the walk by rows, from a frame to its caller: the same code in the kernel and in user space.
 *
 * Whoever includes it defines first how a word of the walked stack is read (0: done; anything else: it cannot be):
 *   FDR_READ_WORD(context, address, word)   e.g. bpf_probe_read_user(word, 8, (void *)(address))
 * and keeps the order
 *   find the segment that holds fdr_lookup(walk);
 *   if fdr_is_recorded(walk, found), record fdr_frame(walk), or end with FDR_WALK_DEEP where there is no room;
 *   end as fdr_enter(walk, found) says;
 *   find the row for the lookup address (none: fdr_gap_row());
 *   end as fdr_step(context, walk, row) says.
 * No loops, no allocation, nothing but the walk changes. A leaf's words below its rsp are never read: see
 * fdr_saved_rbp().
 */
#ifndef FDR_ROW_STEP_H
#define FDR_ROW_STEP_H

#include "unwind/row.h"

#ifndef FDR_READ_WORD
#error "define FDR_READ_WORD(context, address, word) first"
#endif
#ifndef FDR_INLINE
#define FDR_INLINE static inline __attribute__((always_inline))
#endif

/* The registers of the frame the walk has come to. Three are all that rows need. */
struct fdr_walk {
  fdr_u64 ip, sp, bp;
  fdr_u32 exact;   /* interrupted at ip: the leaf, or what a signal struck; otherwise ip is behind a call */
  fdr_u32 guessed; /* ip was found by a frame pointer alone: it counts only if there is code */
  fdr_u64 thread;  /* the thread pointer (fs base), 0 where it is not known; the same for all frames */
};
FDR_ROW_SIZE(struct fdr_walk, 40);

/* Go's runtime.g and runtime.m (1.16 to 1.2x; the table's maker has seen systemstack use these, and where m.curg is): the thread's g lies
 * in the word below the thread pointer, whichever stack it is on.
 */
enum { FDR_GO_G_M = 48, FDR_GO_G_SCHED_SP = 56 };

FDR_INLINE fdr_u64 fdr_lookup(const struct fdr_walk* walk) { return walk->exact ? walk->ip : walk->ip - 1; }

FDR_INLINE fdr_u64 fdr_frame(const struct fdr_walk* walk) {
  return walk->exact ? walk->ip | FDR_FRAME_EXACT : walk->ip;
}

/* `in_segment`: the lookup address lies in one. */
FDR_INLINE int fdr_enter(const struct fdr_walk* walk, int in_segment) {
  if (in_segment) return FDR_WALK_ON;
  return walk->guessed ? FDR_WALK_NO_ROWS : FDR_WALK_NO_MAPPING;
}

/* A caller that was guessed, or is zero, is not, where it ends the walk. */
FDR_INLINE int fdr_is_recorded(const struct fdr_walk* walk, int in_segment) {
  return in_segment || walk->exact || (!walk->guessed && walk->ip != 0);
}

FDR_INLINE struct fdr_row fdr_gap_row(void) {
  struct fdr_row row = {0, 0, FDR_RBP_SAME, FDR_ROW_GAP};
  return row;
}

/* The caller's rbp. In an epilogue, behind `pop %rbp`, the tables still say that rbp was saved at CFA-16. That slot is
 * below the leaf's rsp by then, where anything may be, and the register has its value back: it is kept.
 */
FDR_INLINE int fdr_saved_rbp(void* context, const struct fdr_walk* walk, struct fdr_row row, fdr_u64 cfa, fdr_u64* bp) {
  fdr_u64 slot;
  (void)context;
  if (row.rbp == FDR_RBP_SAME) return FDR_WALK_ON;
  if (row.rbp == FDR_RBP_LOST) {
    *bp = 0;
    return FDR_WALK_ON;
  }
  slot = row.rbp == FDR_RBP_AT_RBP ? walk->bp : cfa + (fdr_u64)((fdr_s64)row.rbp * FDR_WORD);
  if (walk->exact && slot < walk->sp) return FDR_WALK_ON;
  return FDR_READ_WORD(context, slot, bp) ? FDR_WALK_UNREADABLE : FDR_WALK_ON;
}

FDR_INLINE int fdr_step_signal(void* context, struct fdr_walk* walk) {
  fdr_u64 ip, sp, bp;
  (void)context;
  if (FDR_READ_WORD(context, walk->sp + FDR_SIGNAL_RBP, &bp)) return FDR_WALK_UNREADABLE;
  if (FDR_READ_WORD(context, walk->sp + FDR_SIGNAL_RSP, &sp)) return FDR_WALK_UNREADABLE;
  if (FDR_READ_WORD(context, walk->sp + FDR_SIGNAL_RIP, &ip)) return FDR_WALK_UNREADABLE;
  walk->ip = ip;
  walk->sp = sp; /* of another stack, maybe: a handler may run on its own (sigaltstack) */
  walk->bp = bp;
  walk->exact = 1;
  walk->guessed = 0;
  return FDR_WALK_ON;
}

/* By the frame pointer, unproven: it must look like one (psABI 3.2.2: *(rbp) is the caller's, rbp + 8 its return
 * address). */
FDR_INLINE int fdr_step_frame(void* context, struct fdr_walk* walk) {
  fdr_u64 ip, bp;
  (void)context;
  if ((walk->bp & 7) || walk->bp < walk->sp || walk->bp - walk->sp > FDR_FRAME_REACH) return FDR_WALK_NO_ROWS;
  if (FDR_READ_WORD(context, walk->bp, &bp)) return FDR_WALK_NO_ROWS;
  if (FDR_READ_WORD(context, walk->bp + 8, &ip)) return FDR_WALK_NO_ROWS;
  walk->ip = ip;
  walk->sp = walk->bp + 16;
  walk->bp = bp;
  walk->exact = 0;
  walk->guessed = 1;
  return FDR_WALK_ON;
}

/* Behind the return address of systemstack's caller, which its goroutine saved when it left its stack; 0 where it cannot be told. */
FDR_INLINE fdr_u64 fdr_goroutine_cfa(void* context, const struct fdr_walk* walk, fdr_u64 curg_offset) {
  fdr_u64 g, m, curg, sp;
  (void)context;
  if (!walk->thread || FDR_READ_WORD(context, walk->thread - 8, &g) || FDR_READ_WORD(context, g + FDR_GO_G_M, &m) ||
      FDR_READ_WORD(context, m + curg_offset, &curg) || FDR_READ_WORD(context, curg + FDR_GO_G_SCHED_SP, &sp))
    return 0;
  /* The caller keeps its frame pointer above its own stack pointer. */
  if (!sp || (sp & 7) || walk->bp < sp + 8 || walk->bp - sp > FDR_FRAME_REACH) return 0;
  return sp + 8;
}

/* From the frame whose code `row` describes to its caller. The walk is unchanged where it returns anything but
 * FDR_WALK_ON. */
FDR_INLINE int fdr_step(void* context, struct fdr_walk* walk, struct fdr_row row) {
  const fdr_u64 offset = (fdr_u64)((fdr_s64)row.cfa * FDR_WORD);
  fdr_u64 cfa = 0, bp = walk->bp, ip = 0;
  int end, leaves = 0, keeps_bp = 0; /* this stack; the caller's rbp is in it */
  if (row.rule == FDR_ROW_RSP) {
    cfa = walk->sp + offset;
  } else if (row.rule == FDR_ROW_RBP) {
    cfa = walk->bp + offset;
  } else if (row.rule == FDR_ROW_END) {
    return FDR_WALK_ROOT;
  } else if (row.rule == FDR_ROW_GAP || row.rule == FDR_ROW_FRAME) {
    return fdr_step_frame(context, walk);
  } else if (row.rule == FDR_ROW_PLT) {
    cfa = walk->sp + 8 + ((walk->ip & 15) >= (fdr_u64)(fdr_s64)row.cfa ? 8 : 0);
  } else if (row.rule == FDR_ROW_SIGNAL) {
    return fdr_step_signal(context, walk);
  } else if (row.rule == FDR_ROW_AT_RBP) {
    if (FDR_READ_WORD(context, walk->bp + offset, &cfa)) return FDR_WALK_UNREADABLE;
  } else if (row.rule == FDR_ROW_AT_RSP || row.rule == FDR_ROW_BEHIND_RSP) {
    if (FDR_READ_WORD(context, walk->sp + offset, &cfa)) return FDR_WALK_UNREADABLE;
    if (row.rule == FDR_ROW_BEHIND_RSP) cfa += 8;
  } else if (row.rule == FDR_ROW_SWITCH || row.rule == FDR_ROW_GOROUTINE) {
    if (walk->bp == 0 || (walk->bp & 7)) return FDR_WALK_NO_ROWS;
    if (row.rule == FDR_ROW_GOROUTINE) cfa = fdr_goroutine_cfa(context, walk, offset);
    leaves = 1;
    if (cfa) {
      keeps_bp = 1;
    } else {
      cfa = walk->bp + 16;
    }
  } else {
    return FDR_WALK_COMPLEX;
  }

  if (cfa <= walk->sp && !leaves) return FDR_WALK_STUCK;
  if (FDR_READ_WORD(context, cfa - 8, &ip)) return FDR_WALK_UNREADABLE;
  if (leaves) { /* the other stack may lie below: what is there was saved all the same */
    if (!keeps_bp && FDR_READ_WORD(context, walk->bp, &bp)) return FDR_WALK_UNREADABLE;
  } else {
    end = fdr_saved_rbp(context, walk, row, cfa, &bp);
    if (end) return end;
  }
  walk->ip = ip;
  walk->sp = cfa;
  walk->bp = bp;
  walk->exact = 0;
  walk->guessed = 0;
  return FDR_WALK_ON;
}

#endif
