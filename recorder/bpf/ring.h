/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Writing one record: begin finds room (a fresh chunk where the present one is full), end publishes it. Between the two the record
 * is invisible to readers. One context writes a ring on a CPU; one that interrupts it finds `busy` and drops its own, counted.
 */
#ifndef FDR_RING_H
#define FDR_RING_H

#include "recorder/bpf/maps.h"

struct ring_place {
  struct fdr_cursor *cursor;
  struct fdr_chunk_header *chunk;
  __u32 offset; /* in the body */
};

static __always_inline struct fdr_cursor *ring_cursor(__u32 ring, __u32 slot) {
  __u32 index = ring * slot_count + slot;
  return bpf_map_lookup_elem(&cursors, &index);
}

/* Token bucket: what this ring may still take so that it goes on covering its span. */
static __always_inline __s64 ring_allowance(struct fdr_cursor *cursor, __u32 ring, __u64 chunk_bytes, __u64 now) {
  const __u64 rate = ring_refill_per_ms[ring];
  const __s64 most = (__s64)(chunk_bytes * chunks_per_slot[ring] / 2);
  const __u64 elapsed = (now - cursor->refilled_ns) >> 20;
  if (!cursor->refilled_ns) {
    cursor->refilled_ns = now;
    cursor->allowance = most;
  } else if (elapsed) {
    const __u64 capped = elapsed < 1000000 ? elapsed : 1000000;
    const __s64 sum = cursor->allowance + (__s64)(capped * rate);
    cursor->allowance = sum < most ? sum : most;
    cursor->refilled_ns += elapsed << 20;
  }
  return cursor->allowance;
}

/* `room` bytes must fit; it is a constant at each place of use, so the verifier knows offset + room <= body. */
static __always_inline int ring_begin(void *map, __u32 ring, __u32 slot, __u32 chunk_bytes, __u32 room, __u64 now,
                                      struct fdr_cursor *cursor, struct ring_place *place) {
  const __u32 body = chunk_bytes - FDR_CHUNK_HEADER;
  if (cursor->busy) {
    cursor->dropped++;
    return -1;
  }
  cursor->busy = 1;
  BARRIER();
  const __u32 chunks = chunks_per_slot[ring];
  __u32 offset = cursor->used;
  __u64 seq = cursor->seq;
  const int fresh = seq == 0 || offset > body - room;
  if (fresh) {
    offset = 0;
    seq++;
  }
  BOUND(offset);
  if (offset > body - room || !chunks) goto fail;
  const __u32 position = fresh ? (__u32)(seq % chunks) : (__u32)cursor->chunk;
  __u32 index = slot * chunks + position;
  struct fdr_chunk_header *chunk = bpf_map_lookup_elem(map, &index);
  if (!chunk) goto fail;
  if (fresh) {
    chunk->used = 0;
    BARRIER();
    chunk->seq = seq;
    chunk->first_ns = now;
    chunk->cpu = bpf_get_smp_processor_id();
    cursor->seq = seq;
    cursor->chunk = position;
    cursor->used = 0;
  }
  place->cursor = cursor;
  place->chunk = chunk;
  place->offset = offset;
  return 0;
fail:
  cursor->busy = 0;
  cursor->dropped++;
  return -1;
}

/* `length` must be a multiple of 8. */
static __always_inline void ring_end(struct ring_place *place, __u32 length) {
  struct fdr_cursor *cursor = place->cursor;
  const __u32 used = place->offset + length;
  BARRIER();
  place->chunk->used = used;
  cursor->used = used;
  cursor->recorded++;
  cursor->allowance -= length;
  BARRIER();
  cursor->busy = 0;
}

#endif
