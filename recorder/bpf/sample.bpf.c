/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The clock: one cpu-clock perf event per CPU. Counts every tick (for the ticks that vanish), samples the threads of the targets, and counts
 * for each other process how often it was found running.
 */
#include "recorder/bpf/progress.h"

#define SAMPLE_ROOM (sizeof(struct fdr_sample) + FDR_STACK_ROOM(FDR_COPY_MAX))

/* Who else is busy. LRU maps are preallocated, and their locks hold interrupts off: safe from a clock interrupt. */
static __always_inline void count_bystander(struct task_struct *task, __u64 now, int in_kernel) {
  __u32 tgid = READ(task, tgid);
  struct fdr_ticks *known = bpf_map_lookup_elem(&bystander_ticks, &tgid);
  struct task_struct *leader = READ(task, group_leader);
  const __u64 start_boottime = READ(leader, start_boottime);
  if (known && known->start_boottime == start_boottime) {
    __sync_fetch_and_add(&known->ticks, 1);
    if (in_kernel) __sync_fetch_and_add(&known->system_ticks, 1);
    known->last_ns = now;
    bpf_probe_read_kernel(known->comm, sizeof known->comm, leader->comm);
    return;
  }
  struct fdr_ticks first = {.start_boottime = start_boottime, .last_ns = now, .ticks = 1, .system_ticks = in_kernel};
  first.parent_tgid = has_typed_task ? task->real_parent->tgid : BPF_CORE_READ(task, real_parent, tgid);
  bpf_probe_read_kernel(first.comm, sizeof first.comm, leader->comm);
  bpf_map_update_elem(&bystander_ticks, &tgid, &first, BPF_ANY);
}

/* Only where the CPU was busy from the last tick to this one: an idle one may give none (wire.h, fdr_cpu). */
static __always_inline void note_tick(__u32 slot, __u64 idle_ns, __u64 now) {
  struct fdr_canary *canary = bpf_map_lookup_elem(&canaries, &slot);
  if (!canary) return;
  if (canary->last_ns && canary->idle_ns == idle_ns && now > canary->last_ns) {
    const __u64 length = now - canary->last_ns;
    const __u32 epoch = now >> 30, parity = epoch & 1;
    if (canary->epoch[parity] != epoch || length > canary->longest_ns[parity]) canary->longest_ns[parity] = length;
    canary->epoch[parity] = epoch;
  }
  canary->last_ns = now;
  canary->idle_ns = idle_ns;
}

SEC("perf_event")
int on_clock(struct fdr_perf_context *ctx) {
  struct fdr_control *page = control_page();
  if (!page) return 0;
  const __u64 now = bpf_ktime_get_ns();
  if (now > page->lease_ns) return 0;
  const __u32 slot = cpu_slot(page);
  if (slot >= slot_count) return 0; /* user space opens no clock there */
  struct fdr_cpu *cpu = bpf_map_lookup_elem(&cpus, &slot);
  if (!cpu) return 0;
  struct bpf_perf_event_value value = {};
  if (bpf_perf_prog_read_value((void *)ctx, &value, sizeof value) == 0) cpu->counter_ns = value.counter;

  struct task_struct *task = current_task();
  if (READ(task, pid) == 0) return 0; /* idle */
  idle_ends(cpu, now);
  cpu->ticks_run++;
  note_tick(slot, cpu->idle_ns, now);
  struct fdr_thread *thread = thread_of(task);
  if (!thread) {
    if (host_tier && READ(task, tgid) != (int)recorder_tgid) count_bystander(task, now, (__s64)ctx->ip < 0);
    return 0;
  }
  if (thread->flags & (FDR_THREAD_MUTE | FDR_THREAD_EXITED)) return 0;
  /* A thread that spins is never switched: its account advances here. */
  if (thread->on_ns && now > thread->on_ns) thread->cpu_ns += now - thread->on_ns;
  thread->on_ns = now;
  close_open_switch(page, thread, now);
  /* A thread that names itself after its start (pthread_setname_np) is known by that name once it has run a tick. */
  bpf_probe_read_kernel(thread->comm, sizeof thread->comm, task->comm);

  struct fdr_cursor *cursor = ring_cursor(FDR_STACKS, slot);
  if (!cursor) return 0;
  const __s64 allowance = ring_allowance(cursor, FDR_STACKS, FDR_STACK_CHUNK_BYTES, now);
  struct ring_place place;
  if (ring_begin(&stacks, FDR_STACKS, slot, FDR_STACK_CHUNK_BYTES, SAMPLE_ROOM, now, cursor, &place)) return 0;
  struct fdr_stack_chunk *chunk = (void *)place.chunk;
  struct fdr_sample *sample = (void *)&chunk->body[place.offset];

  __u32 cap = FDR_COPY_MAX, cut = 0;
  if (ring_refill_per_ms[FDR_STACKS] && allowance < (__s64)SAMPLE_ROOM) {
    /* Short of room: a few whole stacks tell more than many cut ones, so the bucket fills until one fits again. */
    cap = FDR_COPY_MIN;
    cut = FDR_STACK_CUT;
  }
  __u32 data = 0;
  if ((__s64)ctx->ip < 0) {
    data = take_kernel_and_user(ctx, &sample->stack, task, WALK_TICK, thread->space, sample + 1, cap, FDR_COPY_MAX);
  } else {
    __u32 context = WALK_TICK;
    struct walk_state *state = bpf_map_lookup_elem(&walks, &context);
    clear_stack(&sample->stack);
    if (state) {
      state->registers.ip = ctx->ip;
      state->registers.sp = ctx->sp;
      state->registers.bp = ctx->bp;
      state->registers.bx = ctx->bx;
      state->registers.r12 = ctx->r12;
      state->registers.r13 = ctx->r13;
      state->registers.r14 = ctx->r14;
      state->registers.r15 = ctx->r15;
      data = take_user_stack(&sample->stack, task, state, context, thread->space, sample + 1, cap, FDR_COPY_MAX);
    }
  }
  if (cut && sample->stack.flags & FDR_STACK_COPIED) {
    sample->stack.flags |= FDR_STACK_CUT;
    cursor->limited++;
  }
  sample->head.ns = now;
  sample->head.thread = thread->id;
  sample->head.kind = 0;
  const __u32 length = sizeof(struct fdr_sample) + data;
  sample->head.len8 = length / 8;
  ring_end(&place, length);
  return 0;
}
