/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Maps and knobs that all programs share; defined in maps.bpf.c. Sizes of 1 are set by user space before the load. */
#ifndef FDR_MAPS_H
#define FDR_MAPS_H

#include "recorder/bpf/kernel_differences.h"
#include "recorder/window/canary.h"
#include "recorder/window/target.h"

struct fdr_chunk {
  struct fdr_chunk_header head;
  __u8 body[FDR_CHUNK_BYTES - FDR_CHUNK_HEADER];
};
struct fdr_stack_chunk {
  struct fdr_chunk_header head;
  __u8 body[FDR_STACK_CHUNK_BYTES - FDR_CHUNK_HEADER];
};

#define FDR_ARRAY(name, element)            \
  struct name##_map {                       \
    __uint(type, BPF_MAP_TYPE_ARRAY);       \
    __uint(map_flags, BPF_F_MMAPABLE);      \
    __uint(max_entries, 1);                 \
    __type(key, __u32);                     \
    __type(value, element);                 \
  };                                        \
  extern struct name##_map name SEC(".maps")

FDR_ARRAY(stacks, struct fdr_stack_chunk);
FDR_ARRAY(stalls, struct fdr_chunk);
FDR_ARRAY(syscalls, struct fdr_chunk);
FDR_ARRAY(slow, struct fdr_chunk);
FDR_ARRAY(failed, struct fdr_chunk);
FDR_ARRAY(life, struct fdr_chunk);
FDR_ARRAY(growth, struct fdr_chunk);
FDR_ARRAY(bystanders, struct fdr_chunk);
FDR_ARRAY(cursors, struct fdr_cursor);
FDR_ARRAY(threads, struct fdr_thread);
FDR_ARRAY(parked, struct fdr_parked);
FDR_ARRAY(summary, struct fdr_summary_cell);
FDR_ARRAY(cpus, struct fdr_cpu);
FDR_ARRAY(canaries, struct fdr_canary);
FDR_ARRAY(control, struct fdr_control);
FDR_ARRAY(rows, struct fdr_row);
FDR_ARRAY(spaces, struct fdr_space);

/* Free slots; user space gives them back once it has read the occupant's end. */
struct free_slots_map {
  __uint(type, BPF_MAP_TYPE_QUEUE);
  __uint(max_entries, 1);
  __type(value, __u32);
};
extern struct free_slots_map free_slots SEC(".maps");

/* By tgid; read when threads are armed, and by fork for parents that are not armed yet. */
struct targets_map {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __type(key, __u32);
  __type(value, struct fdr_target);
};
extern struct targets_map targets SEC(".maps");

struct errors_map {
  __uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
  __uint(max_entries, 4096);
  __type(key, struct fdr_error_key);
  __type(value, struct fdr_error_count);
};
extern struct errors_map errors SEC(".maps");

struct growth_accounts_map { /* by mm */
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, __u64);
  __type(value, struct fdr_growth_account);
};
extern struct growth_accounts_map growth_accounts SEC(".maps");

/* The host-wide tier and the sends of targets. Sizes are set by user space. */
struct failing_map {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 512);
  __type(key, struct fdr_failing_key);
  __type(value, struct fdr_failing);
};
extern struct failing_map failing SEC(".maps");

struct sends_map {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 512);
  __type(key, struct fdr_send_key);
  __type(value, struct fdr_send);
};
extern struct sends_map sends SEC(".maps");

struct bystander_ticks_map {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1024);
  __type(key, __u32);
  __type(value, struct fdr_ticks);
};
extern struct bystander_ticks_map bystander_ticks SEC(".maps");

extern const volatile __u32 host_tier;
extern const volatile __u32 recorder_tgid;  /* who does not tell of itself */
extern const volatile __u32 failing_shift;
extern const volatile __u32 send_port_count; /* 0: no heartbeat is made of sends */
extern const volatile __u16 send_ports[FDR_SEND_PORTS]; /* 0: any */
extern const volatile __u32 chunks_per_slot[FDR_RINGS];
extern const volatile __u64 ring_refill_per_ms[FDR_RINGS]; /* bytes; 0: no allowance is kept for this ring */
extern const volatile __u32 slot_count;
extern const volatile __u64 off_cpu_ns;
extern const volatile __u64 slow_ns;
extern const volatile __s64 counter_batch; /* pages that a CPU may hold back from a shared count (mm/percpu_counter) */
extern const volatile __u32 raw_syscalls; /* detail = "all" */
extern const volatile __u32 growth_by_faults; /* nothing else tells of growth here */
extern const volatile __u8 call_traits[FDR_SYSCALLS_MAX];

#define BARRIER() asm volatile("" ::: "memory")
#define BOUND(variable) asm volatile("" : "+r"(variable))

static __always_inline struct fdr_control *control_page(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&control, &zero);
}

/* The slot of this CPU, FDR_NO_SLOT where it came online after the start and no spare was left. */
static __always_inline __u32 cpu_slot(struct fdr_control *page) {
  __u32 cpu = bpf_get_smp_processor_id();
  if (cpu >= FDR_MAX_CPUS) return FDR_NO_SLOT;
  return page->slot_of_cpu[cpu];
}

/* Whether this CPU has rings of its own. What is lost where it has none is counted. */
static __always_inline int has_slot(struct fdr_control *page, __u32 slot) {
  if (slot < slot_count) return 1;
  __sync_fetch_and_add(&page->cpu_without_slot, 1);
  return 0;
}

/* The thread of any task. */
static __always_inline struct fdr_thread *thread_of(struct task_struct *task) {
  __u32 *slot = slot_of(task);
  if (!slot) return 0;
  __u32 index = *slot;
  return bpf_map_lookup_elem(&threads, &index);
}

/* The thread of a task that enters this CPU, remembered for the system calls it will make. Bystanders are remembered as such. */
static __always_inline struct fdr_thread *remember_thread(struct fdr_control *page, struct fdr_cpu *cpu, struct task_struct *task) {
  const __u32 arming = page->arming; /* before the look-up: who is armed after it is looked up again */
  BARRIER();
  __u32 *slot = slot_of(task);
  __u32 index = slot ? *slot : FDR_NO_THREAD;
  cpu->task = (__u64)task;
  cpu->thread = index;
  cpu->arming = arming;
  return bpf_map_lookup_elem(&threads, &index);
}

/* The thread of the current task: half the price of thread_of(), and a tenth for a bystander. */
static __always_inline struct fdr_thread *current_thread(struct fdr_control *page, __u32 slot, struct task_struct *task) {
  struct fdr_cpu *cpu = bpf_map_lookup_elem(&cpus, &slot);
  if (!cpu) return thread_of(task);
  if (cpu->task != (__u64)task || cpu->arming != page->arming) return remember_thread(page, cpu, task);
  __u32 index = cpu->thread;
  return bpf_map_lookup_elem(&threads, &index);
}

#endif
