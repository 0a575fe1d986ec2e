/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The clock: one cpu-clock perf event per CPU. Counts every tick (for the ticks that vanish), samples the threads of the targets. */
#include "recorder/bpf/ring.h"
#include "recorder/bpf/stack.h"

#define SAMPLE_ROOM (sizeof(struct fdr_sample) + FDR_KERNEL_FRAMES * 8 + FDR_COPY_MAX)

SEC("perf_event")
int on_clock(struct fdr_perf_context *ctx) {
  struct fdr_control *page = control_page();
  if (!page) return 0;
  const __u64 now = bpf_ktime_get_ns();
  if (now > page->lease_ns) return 0;
  const __u32 slot = cpu_slot(page);
  if (slot >= slot_count) {
    __sync_fetch_and_add(&page->cpu_without_slot, 1);
    return 0;
  }
  struct fdr_cpu *cpu = bpf_map_lookup_elem(&cpus, &slot);
  if (!cpu) return 0;
  struct bpf_perf_event_value value = {};
  if (bpf_perf_prog_read_value((void *)ctx, &value, sizeof value) == 0) cpu->counter_ns = value.counter;

  struct task_struct *task = bpf_get_current_task_btf();
  if (task->pid == 0) return 0; /* idle */
  cpu->ticks_run++;
  struct fdr_thread *thread = thread_of(task);
  if (!thread || thread->flags & (FDR_THREAD_MUTE | FDR_THREAD_EXITED)) return 0;
  /* A thread that spins is never switched: its account advances here (recording-rules 11). */
  if (thread->on_ns && now > thread->on_ns) thread->cpu_ns += now - thread->on_ns;
  thread->on_ns = now;
  /* A thread that names itself after its start (pthread_setname_np) is known by that name once it has run a tick. */
  bpf_probe_read_kernel(thread->comm, sizeof thread->comm, task->comm);

  struct fdr_cursor *cursor = ring_cursor(FDR_STACKS, slot);
  if (!cursor) return 0;
  const __s64 allowance = ring_allowance(cursor, FDR_STACKS, FDR_STACK_CHUNK_BYTES, now);
  struct ring_place place;
  if (ring_begin(&stacks, FDR_STACKS, slot, FDR_STACK_CHUNK_BYTES, SAMPLE_ROOM, now, cursor, &place)) return 0;
  struct fdr_stack_chunk *chunk = (void *)place.chunk;
  struct fdr_sample *sample = (void *)&chunk->body[place.offset];

  sample->stack.flags = 0;
  sample->stack.kernel_frames = 0;
  sample->stack.bytes = 0;
  __u32 data = 0;
  if ((__s64)ctx->ip < 0) {
    sample->stack.flags |= FDR_STACK_IN_KERNEL;
    long bytes = bpf_get_stack(ctx, sample + 1, FDR_KERNEL_FRAMES * 8, 0);
    if (bytes > 0 && bytes <= FDR_KERNEL_FRAMES * 8) {
      data = (__u32)bytes & ~7u;
      sample->stack.kernel_frames = data / 8;
    }
    if (task->flags & FDR_PF_KTHREAD) sample->stack.flags |= FDR_STACK_NO_USER;
    else take_registers(&sample->stack, (void *)bpf_task_pt_regs(task));
  } else {
    sample->stack.ip = ctx->ip;
    sample->stack.sp = ctx->sp;
    sample->stack.bp = ctx->bp;
    sample->stack.bx = ctx->bx;
    sample->stack.r12 = ctx->r12;
    sample->stack.r13 = ctx->r13;
    sample->stack.r14 = ctx->r14;
    sample->stack.r15 = ctx->r15;
  }
  if (!(sample->stack.flags & FDR_STACK_NO_USER)) {
    __u32 cap = FDR_COPY_MAX;
    if (ring_refill_per_ms[FDR_STACKS] && allowance < (__s64)SAMPLE_ROOM) {
      /* Short of room: a few whole stacks tell more than many cut ones, so the bucket fills until one fits again. */
      cap = FDR_COPY_MIN;
      sample->stack.flags |= FDR_STACK_CUT;
      cursor->limited++;
    }
    BOUND(data);
    if (data <= FDR_KERNEL_FRAMES * 8)
      data += copy_stack(&sample->stack, task, (void *)(sample + 1) + data, cap, FDR_COPY_MAX);
  }
  sample->head.ns = now;
  sample->head.thread = thread->id;
  sample->head.kind = 0;
  const __u32 length = sizeof(struct fdr_sample) + data;
  sample->head.len8 = length / 8;
  ring_end(&place, length);
  return 0;
}
