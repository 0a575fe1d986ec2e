/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Gaps in progress: time off the CPU (sched_switch) and time spent freeing memory (vmscan, compaction). Also each thread's account.
 *
 * At a switch-out `current` is still the thread that leaves, so its stack can be read; at a switch-in it is not yet the one that
 * enters. So where a stack will be wanted (uninterruptible, or asleep outside a system call) it is taken at the switch-out, parked, and
 * written at the switch-in if the gap was long enough. A call that waits is told by the summary and, when slow, at its sys_exit.
 */
#include "recorder/bpf/progress.h"


static __always_inline __u32 task_state(struct task_struct *task) {
  struct task_struct___before_5_14 *old = (void *)task;
  if (bpf_core_field_exists(task->__state)) return BPF_CORE_READ(task, __state);
  return (__u32)BPF_CORE_READ(old, state);
}

/* Of a thread that leaves the CPU though it could run. */
static __always_inline bool throttled(struct task_struct *task) {
  struct task_struct___throttled *one = (void *)task;
  if (bpf_core_field_exists(one->throttled)) return BPF_CORE_READ(one, throttled);
  if (bpf_core_field_exists(((struct cfs_rq *)0)->throttle_count)) return BPF_CORE_READ(task, se.cfs_rq, throttle_count) > 0;
  return 0; /* a kernel without quotas */
}

static __always_inline void park_stack(void *ctx, struct fdr_thread *thread, struct task_struct *task, __u64 now) {
  __u32 index = thread->id & (FDR_PARKED - 1);
  struct fdr_parked *place = bpf_map_lookup_elem(&parked, &index);
  if (!place) return;
  place->thread = 0;
  BARRIER();
  place->length = take_kernel_and_user(ctx, &place->stack, task, WALK_SWITCH, thread->space, place->data, FDR_COPY_SMALL, FDR_COPY_SMALL);
  place->out_ns = now;
  BARRIER();
  place->thread = thread->id;
}

static __always_inline void leave(void *ctx, struct fdr_control *page, struct fdr_thread *thread, bool preempt, struct task_struct *task,
                                  __u64 now) {
  close_open_switch(page, thread, now);
  const __u32 state = preempt ? 0 : task_state(task);
  if (thread->on_ns && now > thread->on_ns) thread->cpu_ns += now - thread->on_ns;
  thread->on_ns = 0;
  thread->out_ns = now;
  thread->out_state = state == 0 && throttled(task) ? FDR_STATE_THROTTLED : state;
  thread->run_delay_ns = task->sched_info.run_delay;
  if (state == 0) thread->involuntary++;
  else thread->voluntary++;
  if (thread->flags & (FDR_THREAD_MUTE | FDR_THREAD_EXITED)) return;
  if (state & TASK_UNINTERRUPTIBLE_BIT || (state && !(thread->flags & FDR_THREAD_IN_CALL))) park_stack(ctx, thread, task, now);
}

/* Idle time of this CPU: in it no tick is due. */
static __always_inline void follow_idle(struct fdr_cpu *cpu, struct task_struct *prev, struct task_struct *next, __u64 now) {
  if (prev->pid && next->pid && !cpu->idle_since_ns) return;
  idle_ends(cpu, now); /* also where the way out of idle was not told (progress.h) */
  cpu->idle_since_ns = next->pid ? 0 : now;
}

/* A CPU runs one switch at a time, with interrupts off: what leaves and what comes back never nest. */
SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next) {
  struct fdr_control *page = control_page();
  if (!page) return 0;
  const __u64 now = bpf_ktime_get_ns();
  if (now > page->lease_ns) return 0;
  __u32 slot = cpu_slot(page);
  struct fdr_cpu *cpu = bpf_map_lookup_elem(&cpus, &slot);
  if (cpu) follow_idle(cpu, prev, next, now);
  struct fdr_thread *leaves = current_thread(page, slot, prev);
  if (leaves) leave(ctx, page, leaves, preempt, prev, now);
  struct fdr_thread *enters = cpu ? remember_thread(page, cpu, next) : thread_of(next);
  if (enters) came_back(page, enters, now);
  return 0;
}

static __always_inline void memory_work_ends(void *ctx, __u64 begun, __u16 kind, struct fdr_thread *thread,
                                             struct task_struct *task, __u64 now) {
  struct fdr_control *page = control_page();
  if (!page || now > page->lease_ns || !begun || now - begun < off_cpu_ns) return;
  struct ring_place place;
  struct fdr_stall *stall = stall_begin(thread, page, now, STALL_ROOM, &place);
  if (!stall) return;
  stall->length_ns = now - begun;
  stall->head.kind = kind;
  stall->has_stack = 1;
  const __u32 data = take_kernel_and_user(ctx, &stall->stack, task, WALK_MEMORY, thread->space, stall + 1, FDR_COPY_SMALL, FDR_COPY_SMALL);
  const __u32 length = sizeof(struct fdr_stall) + data;
  stall->head.len8 = length / 8;
  ring_end(&place, length);
}

#define MEMORY_WORK(begin_name, end_name, field, stall_kind)                              \
  SEC("tp_btf/" #begin_name)                                                              \
  int BPF_PROG(on_##begin_name) {                                                         \
    struct fdr_thread *thread = thread_of(current_task());                       \
    if (thread) thread->field = bpf_ktime_get_ns();                                       \
    return 0;                                                                             \
  }                                                                                       \
  SEC("tp_btf/" #end_name)                                                                \
  int BPF_PROG(on_##end_name) {                                                           \
    struct task_struct *task = current_task();                                            \
    struct fdr_thread *thread = thread_of(task);                                          \
    if (!thread) return 0;                                                                \
    const __u64 begun = thread->field;                                                    \
    thread->field = 0;                                                                    \
    memory_work_ends(ctx, begun, stall_kind, thread, task, bpf_ktime_get_ns());           \
    return 0;                                                                             \
  }

MEMORY_WORK(mm_vmscan_direct_reclaim_begin, mm_vmscan_direct_reclaim_end, reclaim_ns, FDR_STALL_RECLAIM)
MEMORY_WORK(mm_vmscan_memcg_reclaim_begin, mm_vmscan_memcg_reclaim_end, reclaim_ns, FDR_STALL_RECLAIM)
MEMORY_WORK(mm_compaction_begin, mm_compaction_end, compact_ns, FDR_STALL_COMPACTION)
