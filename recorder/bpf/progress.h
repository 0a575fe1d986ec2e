/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A thread is on a CPU again: its time off it is added up, and a gap that was long is written as a stall.
 *
 * Mostly the switch tells (sched.bpf.c). Some switch-ins never reach the tracepoint: measured in a guest of 6.18 one in a thousand,
 * most of them out of idle, and ftrace misses them too. Such a wait would count as CPU time of its system call, and no stall would
 * be seen. So whoever finds the thread at work with its switch-out still open (a system call's begin or end, the clock, the next
 * switch-out) closes it then: the few microseconds from the wake-up to there are counted as waiting.
 */
#ifndef FDR_RECORDER_BPF_PROGRESS_H
#define FDR_RECORDER_BPF_PROGRESS_H

#include "recorder/bpf/ring.h"
#include "recorder/bpf/stack.h"

#define TASK_UNINTERRUPTIBLE_BIT 2 /* include/linux/sched.h; part of TASK_KILLABLE too */
#define STALL_ROOM (sizeof(struct fdr_stall) + FDR_STACK_ROOM(FDR_COPY_SMALL))

static __always_inline struct fdr_stall *stall_begin(struct fdr_thread *thread, struct fdr_control *page, __u64 now,
                                                     __u32 expected, struct ring_place *place) {
  const __u32 slot = cpu_slot(page);
  if (!has_slot(page, slot)) return 0;
  struct fdr_cursor *cursor = ring_cursor(FDR_STALLS, slot);
  if (!cursor) return 0;
  if (ring_allowance(cursor, FDR_STALLS, FDR_CHUNK_BYTES, now) < expected) {
    cursor->limited++;
    return 0;
  }
  if (ring_begin(&stalls, FDR_STALLS, slot, FDR_CHUNK_BYTES, STALL_ROOM, now, cursor, place)) return 0;
  struct fdr_chunk *chunk = (void *)place->chunk;
  struct fdr_stall *stall = (void *)&chunk->body[place->offset];
  stall->head.ns = now;
  stall->head.thread = thread->id;
  stall->syscall = thread->flags & FDR_THREAD_IN_CALL ? (__s32)thread->nr : -1;
  return stall;
}

static __always_inline void came_back(struct fdr_control *page, struct fdr_thread *thread, __u64 now) {
  thread->on_ns = now;
  const __u64 out = thread->out_ns;
  if (!out || now < out) return;
  const __u64 gap = now - out;
  thread->off_ns += gap;
  thread->out_ns = 0;
  if (gap < off_cpu_ns || thread->flags & (FDR_THREAD_MUTE | FDR_THREAD_EXITED)) return;

  const __u32 in_call = thread->flags & FDR_THREAD_IN_CALL;
  const __u32 nr = thread->nr & FDR_NR_MASK;
  __u16 kind = FDR_STALL_BLOCKED;
  if (thread->out_state == 0) kind = FDR_STALL_RUNNABLE;
  else if (thread->out_state == FDR_STATE_THROTTLED) kind = FDR_STALL_THROTTLED;
  else if (thread->out_state & TASK_UNINTERRUPTIBLE_BIT) kind = FDR_STALL_UNINTERRUPTIBLE;
  else if (in_call && nr < FDR_SYSCALLS_MAX && call_traits[nr & (FDR_SYSCALLS_MAX - 1)] & FDR_TRAIT_WAITS) kind = FDR_STALL_WAIT;

  __u32 index = thread->id & (FDR_PARKED - 1);
  struct fdr_parked *kept = bpf_map_lookup_elem(&parked, &index);
  if (!kept) return;
  const int has_stack = kept->thread == thread->id && kept->out_ns == out;
  struct ring_place place;
  struct fdr_stall *stall = stall_begin(thread, page, now, has_stack ? STALL_ROOM : sizeof(struct fdr_stall), &place);
  if (!stall) return;
  stall->length_ns = gap;
  stall->head.kind = kind;
  stall->has_stack = has_stack;
  __u32 length = __builtin_offsetof(struct fdr_stall, stack);
  if (has_stack) {
    __u32 data = kept->length;
    stall->stack = kept->stack;
    BOUND(data);
    if (data > FDR_STACK_ROOM(FDR_COPY_SMALL)) data = 0;
    bpf_probe_read_kernel(stall + 1, data, kept->data);
    length = sizeof(struct fdr_stall) + (data & ~7u);
  }
  stall->head.len8 = length / 8;
  ring_end(&place, length);
}

static __always_inline void idle_ends(struct fdr_cpu *cpu, __u64 now) {
  if (cpu->idle_since_ns && now > cpu->idle_since_ns) cpu->idle_ns += now - cpu->idle_since_ns;
  cpu->idle_since_ns = 0;
}

/* Of the thread that is on this CPU now. */
static __always_inline void close_open_switch(struct fdr_control *page, struct fdr_thread *thread, __u64 now) {
  if (!thread->out_ns) return;
  __sync_fetch_and_add(&page->returns_unseen, 1);
  came_back(page, thread, now);
}

#endif
