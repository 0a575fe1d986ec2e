/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Threads and processes of the targets: who begins, who becomes something else, who ends; and the slots they record under. Of other
 * processes: that they have been.
 *
 * A thread gets its slot at fork from a parent that has one, or from the iterator at attach. User space takes the slot back only after it
 * has read the thread's end, so that a record's thread id always names one thread.
 */
#include "recorder/bpf/resident.h"
#include "recorder/bpf/ring.h"

static __always_inline struct fdr_life *life_begin(struct fdr_control *page, __u64 now, struct ring_place *place) {
  const __u32 slot = cpu_slot(page);
  if (!has_slot(page, slot)) return 0;
  struct fdr_cursor *cursor = ring_cursor(FDR_LIFE, slot);
  if (!cursor) return 0;
  if (ring_begin(&life, FDR_LIFE, slot, FDR_CHUNK_BYTES, sizeof(struct fdr_life), now, cursor, place)) return 0;
  struct fdr_chunk *chunk = (void *)place->chunk;
  return (void *)&chunk->body[place->offset];
}

static __always_inline void life_end(struct fdr_life *event, struct ring_place *place, __u16 kind, __u32 thread, __u64 now,
                                     __u32 length) {
  event->head.ns = now;
  event->head.thread = thread;
  event->head.kind = kind;
  event->head.len8 = length / 8;
  ring_end(place, length);
}

/* The target that this task's process was named as, where it still is that process. */
static __always_inline struct fdr_target *named_target(struct task_struct *task) {
  __u32 tgid = task->tgid;
  struct fdr_target *named = bpf_map_lookup_elem(&targets, &tgid);
  if (!named) return 0;
  struct task_struct *leader = task->group_leader;
  if (named->start_boottime && leader->start_boottime - named->start_boottime >= FDR_START_TICK_NS) return 0;
  return named;
}

#define SHORT_LIFE __builtin_offsetof(struct fdr_life, path)

/* Gives `task` a slot; the slot's last occupant is known to be gone. */
static __always_inline struct fdr_thread *arm_thread(struct task_struct *task, __u32 target, __u32 flags, __u64 now) {
  struct fdr_control *page = control_page();
  __u32 slot = 0;
  if (!page) return 0;
  if (bpf_map_pop_elem(&free_slots, &slot)) {
    __sync_fetch_and_add(&page->slots_exhausted, 1);
    return 0;
  }
  struct fdr_thread *thread = bpf_map_lookup_elem(&threads, &slot);
  if (!thread) return 0;
  const __u32 generation = (thread->id >> FDR_THREAD_SLOT_BITS) + 1;
  __builtin_memset(thread, 0, sizeof *thread);
  thread->tid = task->pid;
  thread->tgid = task->tgid;
  thread->target = target;
  thread->start_boottime = task->start_boottime;
  thread->first_ns = now;
  thread->run_delay_base = task->sched_info.run_delay;
  thread->run_delay_ns = thread->run_delay_base;
  bpf_probe_read_kernel(thread->comm, sizeof thread->comm, task->comm);
  thread->id = generation << FDR_THREAD_SLOT_BITS | slot;
  BARRIER();
  thread->flags = FDR_THREAD_USED | flags;
  if (!keep_slot(task, slot)) {
    thread->flags = 0;
    bpf_map_push_elem(&free_slots, &slot, 0);
    __sync_fetch_and_add(&page->slots_exhausted, 1);
    return 0;
  }
  return thread;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child) {
  struct fdr_control *page = control_page();
  const __u64 now = bpf_ktime_get_ns();
  if (!page || now > page->lease_ns) return 0;
  struct fdr_thread *from = thread_of(parent);
  __u32 target, mute = 0;
  if (from) {
    target = from->target;
    mute = from->flags & FDR_THREAD_MUTE;
  } else {
    /* A parent that is being attached to and has not been reached yet. */
    struct fdr_target *named = named_target(parent);
    if (!named) return 0;
    target = named->target;
    mute = named->mute ? FDR_THREAD_MUTE : 0;
  }
  struct fdr_thread *thread = arm_thread(child, target, FDR_THREAD_NEW | mute, now);
  if (thread && from) thread->space = from->space; /* the same mappings, for a thread or (still) for a process */
  /* A new process has its parent's pages, which it did not bring in itself. */
  if (child->mm && child->mm != parent->mm) begin_growth(child->mm);
  struct ring_place place;
  struct fdr_life *event = life_begin(page, now, &place);
  if (!event) return 0;
  event->tid = child->pid;
  event->tgid = child->tgid;
  event->parent_tgid = parent->tgid;
  event->parent_thread = from ? from->id : 0;
  event->start_boottime = child->start_boottime;
  event->exit_code = 0;
  event->group_dead = 0;
  event->user_ns = event->system_ns = 0;
  event->target = target;
  event->old_tid = 0;
  bpf_probe_read_kernel(event->comm, sizeof event->comm, child->comm);
  life_end(event, &place, FDR_LIFE_FORK, thread ? thread->id : 0, now, SHORT_LIFE);
  return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *binary) {
  struct fdr_thread *thread = thread_of(task);
  struct fdr_control *page = control_page();
  const __u64 now = bpf_ktime_get_ns();
  if (!thread || !page || now > page->lease_ns) return 0;
  thread->tid = task->pid; /* a thread that execs takes its leader's id */
  thread->space = 0;
  /* `run`: what came before is fdr's own child, not COMMAND. The execve itself is the first call that counts. */
  if (thread->flags & FDR_THREAD_MUTE) thread->flags &= ~FDR_THREAD_MUTE;
  bpf_probe_read_kernel(thread->comm, sizeof thread->comm, task->comm);
  struct ring_place place;
  struct fdr_life *event = life_begin(page, now, &place);
  if (!event) return 0;
  event->tid = task->pid;
  event->tgid = task->tgid;
  event->parent_tgid = task->real_parent->tgid;
  event->parent_thread = 0;
  event->start_boottime = task->start_boottime;
  event->exit_code = 0;
  event->group_dead = 0;
  event->user_ns = event->system_ns = 0;
  event->target = thread->target;
  event->old_tid = old_pid;
  __builtin_memcpy(event->comm, thread->comm, sizeof event->comm);
  event->path[0] = 0;
  bpf_probe_read_kernel_str(event->path, sizeof event->path, binary->filename);
  life_end(event, &place, FDR_LIFE_EXEC, thread->id, now, sizeof *event);
  return 0;
}

/* One record for the whole life of a process that is nobody's target: the programs that a script starts and forgets. */
static __always_inline void bystander_ended(struct task_struct *task, struct fdr_control *page, __u64 now) {
  struct signal_struct *group = task->signal;
  if (group->live.counter != 0) return;
  const __u32 slot = cpu_slot(page);
  if (!has_slot(page, slot)) return;
  struct fdr_cursor *cursor = ring_cursor(FDR_BYSTANDERS, slot);
  struct ring_place place;
  if (!cursor || ring_begin(&bystanders, FDR_BYSTANDERS, slot, FDR_CHUNK_BYTES, sizeof(struct fdr_bystander), now, cursor, &place)) return;
  struct fdr_chunk *chunk = (void *)place.chunk;
  struct fdr_bystander *event = (void *)&chunk->body[place.offset];
  struct task_struct *leader = task->group_leader;
  event->head.ns = now;
  event->head.thread = 0;
  event->head.kind = 0;
  event->head.len8 = sizeof *event / 8;
  event->tgid = task->tgid;
  event->parent_tgid = task->real_parent->tgid;
  event->start_boottime = leader->start_boottime;
  event->exit_code = group->group_exit_code ? group->group_exit_code : task->exit_code;
  event->spare = 0;
  event->user_ns = group->utime + task->utime;
  event->system_ns = group->stime + task->stime;
  bpf_probe_read_kernel(event->comm, sizeof event->comm, leader->comm);
  event->file[0] = 0;
  /* Where the kernel gives the address space away before this tracepoint there is none left to ask (6.18 asks first). */
  const unsigned char *name = BPF_CORE_READ(task, mm, exe_file, f_path.dentry, d_name.name);
  if (name) bpf_probe_read_kernel_str(event->file, sizeof event->file, name);
  ring_end(&place, sizeof *event);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task) {
  struct fdr_thread *thread = thread_of(task);
  struct fdr_control *page = control_page();
  const __u64 now = bpf_ktime_get_ns();
  if (!thread && host_tier && page && now <= page->lease_ns) bystander_ended(task, page, now);
  if (thread && !has_task_storage) forget_slot(task); /* whoever gets this address next is another */
  if (!thread || !page || now > page->lease_ns) return 0;
  if (thread->on_ns && now > thread->on_ns) thread->cpu_ns += now - thread->on_ns;
  thread->on_ns = now;
  thread->flags |= FDR_THREAD_EXITED;
  bpf_probe_read_kernel(thread->comm, sizeof thread->comm, task->comm);
  struct ring_place place;
  struct fdr_life *event = life_begin(page, now, &place);
  if (!event) return 0;
  struct signal_struct *group = task->signal;
  event->tid = task->pid;
  event->tgid = task->tgid;
  event->parent_tgid = 0;
  event->parent_thread = 0;
  event->start_boottime = task->start_boottime;
  event->group_dead = group->live.counter == 0;
  const __u64 mm = (__u64)task->mm;
  if (event->group_dead) bpf_map_delete_elem(&growth_accounts, &mm); /* the next address space at this place is another */
  event->exit_code = group->group_exit_code ? group->group_exit_code : task->exit_code;
  event->user_ns = group->utime + task->utime;
  event->system_ns = group->stime + task->stime;
  event->target = thread->target;
  event->old_tid = 0;
  __builtin_memcpy(event->comm, thread->comm, sizeof event->comm);
  /* From here on the task finds no slot: what it still does (its last switch, seconds of exit_mm) must not touch the next occupant's. */
  forget_slot(task);
  __u32 slot = cpu_slot(page);
  struct fdr_cpu *cpu = bpf_map_lookup_elem(&cpus, &slot);
  if (cpu) cpu->task = 0;
  life_end(event, &place, FDR_LIFE_EXIT, thread->id, now, SHORT_LIFE);
  return 0;
}

/* At attach: arms the threads that exist, of processes named in `targets`. */
SEC("iter/task")
int arm_existing(struct bpf_iter__task *ctx) {
  struct task_struct *task = ctx->task;
  if (!task) return 0;
  struct fdr_target *named = named_target(task);
  if (!named || slot_of(task)) return 0;
  arm_thread(task, named->target, FDR_THREAD_ATTACHED | (named->mute ? FDR_THREAD_MUTE : 0), bpf_ktime_get_ns());
  return 0;
}
