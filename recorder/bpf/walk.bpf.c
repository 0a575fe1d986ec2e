/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The walk by rows, in the kernel: unwind/row_walker.cpp is the same in user space, and row_step.h the step of both. */
#include "recorder/bpf/walk.h"

#define NO_ROW 0xffffffff

/* The last row at or before `pc`; NO_ROW where there is none. */
__noinline __u32 find_row(__u32 first, __u32 count, __u32 pc) {
  __u32 low = first, high = first + count;
  for (int i = 0; i < FDR_ROW_SEARCH_STEPS; i++) {
    if (low >= high) break;
    __u32 middle = low + (high - low) / 2;
    struct fdr_row *row = bpf_map_lookup_elem(&rows, &middle);
    if (!row) return NO_ROW;
    if (row->pc <= pc) low = middle + 1;
    else high = middle;
  }
  return low > first ? low - 1 : NO_ROW;
}

/* Index of the last segment that begins at or before `address`, FDR_SEGMENTS where there is none. An index, not a pointer: clang 14
 * would merge null checks into pointer arithmetic, which the verifier refuses.
 */
static __always_inline __u32 find_segment(struct fdr_space *space, __u64 address) {
  __u32 low = 0, high = space->count;
  for (int i = 0; i < 9; i++) { /* 2^8 segments */
    if (low >= high) break;
    const __u32 middle = (low + high) / 2;
    if (space->segments[middle & (FDR_SEGMENTS - 1)].start <= address) low = middle + 1;
    else high = middle;
  }
  return low ? low - 1 : FDR_SEGMENTS;
}

/* The row for `lookup`, from what is known or by searching: 0 with state->row set, FDR_WALK_NO_MAPPING where it lies in no segment,
 * FDR_WALK_NO_ROWS where the rows of its file are still to come.
 */
static __always_inline int find(struct walk_state *state, struct fdr_space *space, __u64 lookup) {
  const __u64 place = (lookup * 0x9e3779b97f4a7c15ull) >> (64 - WALK_KNOWN_BITS);
  struct walk_known *known = &state->known[place & ((1 << WALK_KNOWN_BITS) - 1)];
  const __u32 seq = space->seq;
  if (known->lookup == lookup && known->space == state->space && known->seq == seq) {
    state->row = known->row;
    return FDR_WALK_ON;
  }
  const __u32 position = find_segment(space, lookup);
  const struct fdr_segment *segment = &space->segments[position & (FDR_SEGMENTS - 1)];
  if (position >= FDR_SEGMENTS || lookup >= segment->end) return FDR_WALK_NO_MAPPING;
  const __u32 first = segment->first, count = segment->count;
  if (count == FDR_ROWS_PENDING) return FDR_WALK_NO_ROWS;
  state->row = fdr_gap_row();
  if (count) {
    __u32 at = find_row(first, count, (__u32)(lookup - segment->bias));
    struct fdr_row *found = bpf_map_lookup_elem(&rows, &at);
    if (found) state->row = *found;
  }
  known->lookup = lookup;
  known->space = state->space;
  known->seq = seq;
  known->row = state->row;
  return FDR_WALK_ON;
}

/* Records the frame the walk has come to and goes on to its caller. */
__noinline int walk_step(__u32 context) {
  struct walk_state *state = bpf_map_lookup_elem(&walks, &context);
  if (!state) return FDR_WALK_UNREADABLE;
  __u32 index = state->space;
  struct fdr_space *space = bpf_map_lookup_elem(&spaces, &index);
  if (!space) return FDR_WALK_NO_MAPPING;
  const int found = find(state, space, fdr_lookup(&state->walk));
  const int in_segment = found != FDR_WALK_NO_MAPPING;
  if (fdr_is_recorded(&state->walk, in_segment)) {
    const __u32 frames = state->frames;
    if (frames >= FDR_MAX_FRAMES) return FDR_WALK_DEEP;
    state->frame[frames] = fdr_frame(&state->walk);
    state->frames = frames + 1;
  }
  const int end = fdr_enter(&state->walk, in_segment);
  if (end) {
    if (end == FDR_WALK_NO_MAPPING) space->strange++;
    return end;
  }
  if (found) return found;
  return fdr_step(state, &state->walk, state->row);
}

__noinline int walk_user(__u32 context) {
  struct walk_state *state = bpf_map_lookup_elem(&walks, &context);
  if (!state) return FDR_WALK_UNREADABLE;
  __u32 index = state->space;
  struct fdr_space *space = bpf_map_lookup_elem(&spaces, &index);
  state->frames = 0;
  state->near_at = NEAR_NOTHING;
  if (!space || space->seq & 1) return FDR_WALK_NO_MAPPING;
  for (int i = 0; i <= FDR_MAX_FRAMES; i++) {
    const int end = walk_step(context);
    if (end) return end;
  }
  return FDR_WALK_DEEP;
}
