/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Taking the user side of a stack: registers and the used top of the stack, trimmed (DESIGN 4): from sp up to the end of the stack in
 * use (the main thread's mm->start_stack, a pthread's control block at fsbase), otherwise the cap.
 */
#ifndef FDR_STACK_H
#define FDR_STACK_H

#include "recorder/bpf/maps.h"

#define FDR_PF_KTHREAD 0x00200000 /* include/linux/sched.h, unchanged since 2.6 */
#define FDR_BASE_EXTRA 512        /* above mm->start_stack lie argc, argv, the auxiliary vector: enough for _start's frame */

struct stack_extent {
  __u32 bytes;
  __u32 whole;
};

static __always_inline struct stack_extent stack_extent(struct task_struct *task, __u64 sp, __u32 cap) {
  struct stack_extent extent = {cap, 0};
  __u64 distance = cap;
  struct mm_struct *mm = task->mm;
  if (!mm) {
    extent.bytes = 0;
    return extent;
  }
  const __u64 base = mm->start_stack;
  const __u64 thread_block = task->thread.fsbase;
  /* A main stack is below 8 MB by default; allow for 1 GB. A pthread's stack ends at its control block. */
  if (base > sp && base - sp < (1ull << 30)) distance = base - sp + FDR_BASE_EXTRA;
  else if (thread_block > sp && thread_block - sp < (1ull << 30)) distance = thread_block - sp;
  else return extent;
  if (distance <= cap) {
    extent.bytes = (__u32)distance;
    extent.whole = 1;
  }
  return extent;
}

/* Registers of the user side into `stack`; `regs` are the task's own. */
static __always_inline void take_registers(struct fdr_stack *stack, struct pt_regs *regs) {
  stack->ip = regs->ip;
  stack->sp = regs->sp;
  stack->bp = regs->bp;
  stack->bx = regs->bx;
  stack->r12 = regs->r12;
  stack->r13 = regs->r13;
  stack->r14 = regs->r14;
  stack->r15 = regs->r15;
}

/* Copies at most `most` bytes from stack->sp to `to`, sets bytes and flags. `most` is a constant: the room behind `to`. */
static __always_inline __u32 copy_stack(struct fdr_stack *stack, struct task_struct *task, void *to, __u32 cap, const __u32 most) {
  struct stack_extent extent = stack_extent(task, stack->sp, cap);
  __u32 bytes = extent.bytes & ~7u;
  stack->bytes = 0;
  BOUND(bytes);
  if (bytes == 0 || bytes > most) return 0;
  if (bpf_probe_read_user(to, bytes, (void *)stack->sp) == 0) {
    if (extent.whole) stack->flags |= FDR_STACK_WHOLE;
    stack->bytes = bytes;
    return bytes;
  }
  /* The next page is not there (a swapped page, the end of a small stack): keep what is on this one. */
  bytes = 4096 - (stack->sp & 4095);
  bytes &= ~7u;
  BOUND(bytes);
  if (bytes == 0 || bytes > most || bytes > 4096) return 0;
  if (bpf_probe_read_user(to, bytes, (void *)stack->sp)) {
    stack->flags |= FDR_STACK_UNREADABLE;
    return 0;
  }
  stack->bytes = bytes;
  return bytes;
}

#endif
