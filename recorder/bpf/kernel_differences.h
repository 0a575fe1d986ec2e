/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What kernels do differently, each in one place. User space has tried which way this one goes (sources/window_programs.cpp) and says so in
 * constants; the verifier never looks at the other way and cuts it out, unknown helpers and missing maps with it.
 *
 * The first to fall back from is bpf_get_current_task_btf() (5.11): a task that came of it, or of a tracepoint, is read like any struct;
 * before that it is an address, to be read by copies. READ() does either, of whatever a task leads to.
 */
#ifndef FDR_KERNEL_DIFFERENCES_H
#define FDR_KERNEL_DIFFERENCES_H

#include "recorder/bpf/kernel_types.h"
#include "recorder/window/wire.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

extern const volatile __u32 has_typed_task;   /* bpf_get_current_task_btf() */
extern const volatile __u32 has_task_storage; /* in tracing programs: 5.12 */
extern const volatile __u32 has_task_pt_regs; /* bpf_task_pt_regs(): 5.15 */

#define READ(pointer, field) (has_typed_task ? (pointer)->field : BPF_CORE_READ(pointer, field))

static __always_inline struct task_struct *current_task(void) {
  return has_typed_task ? bpf_get_current_task_btf() : (void *)bpf_get_current_task();
}

/* The registers with which a task entered the kernel: at the top of its kernel stack, of 16 KB (THREAD_SIZE, arch/x86/include/asm/page_64_types.h).
 * Nothing lies above them in kernels without the helper: the padding of FRED came with 6.9.
 */
#define FDR_KERNEL_STACK (4 * 4096)
static __always_inline struct pt_regs *user_registers(struct task_struct *task) {
  if (has_task_pt_regs) return (void *)bpf_task_pt_regs(task);
  return READ(task, stack) + FDR_KERNEL_STACK - bpf_core_type_size(struct pt_regs);
}
#define REGISTER(registers, name) (has_task_pt_regs ? (registers)->name : BPF_CORE_READ(registers, name))

/* Which slot of `threads` a task has. Task storage cannot be mapped or walked by user space: it holds the number and nothing else.
 * Without it the task's address stands for the task, until it exits.
 */
struct thread_slots_map {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, __u32);
};
extern struct thread_slots_map thread_slots SEC(".maps");

struct slots_by_address_map { /* preallocated, as programs of a clock must have it */
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1);
  __type(key, __u64);
  __type(value, __u32);
};
extern struct slots_by_address_map slots_by_address SEC(".maps");

static __always_inline __u32 *slot_of(struct task_struct *task) {
  const __u64 address = (__u64)task;
  if (has_task_storage) return bpf_task_storage_get(&thread_slots, task, 0, 0);
  return bpf_map_lookup_elem(&slots_by_address, &address);
}

/* True where there was room. Not for the clock. */
static __always_inline int keep_slot(struct task_struct *task, __u32 slot) {
  const __u64 address = (__u64)task;
  if (has_task_storage) return bpf_task_storage_get(&thread_slots, task, &slot, BPF_LOCAL_STORAGE_GET_F_CREATE) != 0;
  return bpf_map_update_elem(&slots_by_address, &address, &slot, BPF_ANY) == 0;
}

static __always_inline void forget_slot(struct task_struct *task) {
  const __u64 address = (__u64)task;
  if (has_task_storage) bpf_task_storage_delete(&thread_slots, task);
  else bpf_map_delete_elem(&slots_by_address, &address);
}

/* The resident pages of an address space by kind, as its shared counters have them. One counter a CPU each since 6.2 (f1a7941243c1): the
 * shared count lags by what the CPUs have not handed in. Before, each thread kept up to 64 page faults to itself (SPLIT_RSS_COUNTING) and
 * then handed them in at once: rss_stat tells of each such step, and the counts differ by just that.
 */
static __always_inline int counts_by_thread(void) {
  struct mm_struct___before_6_2 *old = 0;
  return bpf_core_field_exists(old->rss_stat.count);
}

static __always_inline __s64 resident_pages(struct mm_struct *mm, __u32 kind) {
  struct mm_struct___before_6_2 *old = (void *)mm;
  __s64 pages = 0;
  if (counts_by_thread()) {
    bpf_core_read(&pages, sizeof pages, &old->rss_stat.count[kind & 3]);
    return pages;
  }
  switch (kind) {
    case FDR_MM_FILE: bpf_core_read(&pages, sizeof pages, &mm->rss_stat[FDR_MM_FILE].count); break;
    case FDR_MM_ANON: bpf_core_read(&pages, sizeof pages, &mm->rss_stat[FDR_MM_ANON].count); break;
    case FDR_MM_SHARED: bpf_core_read(&pages, sizeof pages, &mm->rss_stat[FDR_MM_SHARED].count); break;
  }
  return pages;
}

#endif
