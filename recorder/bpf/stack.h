/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Taking a stack. The user side is walked by rows; where that does not get to a root, registers and the used top of the stack are
 * copied, trimmed: from sp up to the end of the stack in use (the main thread's mm->start_stack, a pthread's control block
 * at fsbase), otherwise the cap.
 */
#ifndef FDR_STACK_H
#define FDR_STACK_H

#include "recorder/bpf/walk.h"

#define FDR_PF_KTHREAD 0x00200000 /* include/linux/sched.h, unchanged since 2.6 */
#define FDR_BASE_EXTRA 512        /* above mm->start_stack lie argc, argv, the auxiliary vector: enough for _start's frame */

struct stack_extent {
  __u32 bytes;
  __u32 whole;
};

static __always_inline struct stack_extent stack_extent(struct task_struct *task, __u64 sp, __u32 cap) {
  struct stack_extent extent = {cap, 0};
  __u64 distance = cap;
  struct mm_struct *mm = READ(task, mm);
  if (!mm) {
    extent.bytes = 0;
    return extent;
  }
  const __u64 base = READ(mm, start_stack);
  const __u64 thread_block = READ(task, thread.fsbase);
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

static __always_inline void keep_registers(struct fdr_registers *to, struct pt_regs *regs) {
  to->ip = REGISTER(regs, ip);
  to->sp = REGISTER(regs, sp);
  to->bp = REGISTER(regs, bp);
  to->bx = REGISTER(regs, bx);
  to->r12 = REGISTER(regs, r12);
  to->r13 = REGISTER(regs, r13);
  to->r14 = REGISTER(regs, r14);
  to->r15 = REGISTER(regs, r15);
}

/* At most `cap` bytes of the stack from `sp` on to `to`; returns how many. `most` is a constant: the room behind `to`. */
static __always_inline __u32 copy_stack(struct fdr_stack *stack, struct task_struct *task, __u64 sp, void *to, __u32 cap,
                                        const __u32 most) {
  struct stack_extent extent = stack_extent(task, sp, cap);
  __u32 bytes = extent.bytes & ~7u;
  BOUND(bytes);
  if (bytes == 0 || bytes > most) return 0;
  if (bpf_probe_read_user(to, bytes, (void *)sp) == 0) {
    if (extent.whole) stack->flags |= FDR_STACK_WHOLE;
    return bytes;
  }
  /* The next page is not there (a swapped page, the end of a small stack): keep what is on this one. */
  bytes = 4096 - (sp & 4095);
  bytes &= ~7u;
  BOUND(bytes);
  if (bytes == 0 || bytes > most || bytes > 4096) return 0;
  if (bpf_probe_read_user(to, bytes, (void *)sp)) {
    stack->flags |= FDR_STACK_UNREADABLE;
    return 0;
  }
  return bytes;
}

/* The user side of a stack, whose registers the caller has put into state->registers: frames where the walk by rows gets to a root,
 * otherwise registers and a copy, which user space unwinds later. Returns the bytes put at `to`, at most FDR_STACK_ROOM(most) less the
 * kernel's part.
 */
static __always_inline __u32 take_user_stack(struct fdr_stack *stack, struct task_struct *task, struct walk_state *state, __u32 context,
                                             __u32 space, void *to, __u32 cap, const __u32 most) {
  if (space) {
    state->space = space - 1;
    state->walk.ip = state->registers.ip;
    state->walk.sp = state->registers.sp;
    state->walk.bp = state->registers.bp;
    state->walk.exact = 1;
    state->walk.guessed = 0;
    state->walk.thread = READ(task, thread.fsbase);
    const int end = walk_user(context);
    stack->end = (__u8)end;
    /* A copy could not do better where memory cannot be read, or where the stack is deeper than any copy. */
    if (end == FDR_WALK_ROOT || end == FDR_WALK_DEEP || (end == FDR_WALK_UNREADABLE && state->frames > 1)) {
      __u32 bytes = state->frames * 8;
      stack->user_frames = (__u16)state->frames;
      BOUND(bytes);
      if (bytes > FDR_MAX_FRAMES * 8) bytes = 0;
      bpf_probe_read_kernel(to, bytes, state->frame);
      return bytes;
    }
  }
  stack->flags |= FDR_STACK_COPIED;
  bpf_probe_read_kernel(to, sizeof(struct fdr_registers), &state->registers);
  const __u32 bytes = copy_stack(stack, task, state->registers.sp, to + sizeof(struct fdr_registers), cap, most);
  stack->words = (__u16)(bytes / 8);
  return sizeof(struct fdr_registers) + bytes;
}

static __always_inline void clear_stack(struct fdr_stack *stack) {
  stack->kernel_frames = 0;
  stack->user_frames = 0;
  stack->words = 0;
  stack->flags = 0;
  stack->end = FDR_WALK_ON;
}

/* Both sides of the stack of a thread that is in the kernel, behind `stack` at `to`; returns the bytes, at most FDR_STACK_ROOM(most). */
static __always_inline __u32 take_kernel_and_user(void *ctx, struct fdr_stack *stack, struct task_struct *task, __u32 context, __u32 space,
                                                  void *to, __u32 cap, const __u32 most) {
  clear_stack(stack);
  stack->flags = FDR_STACK_IN_KERNEL;
  __u32 data = 0;
  long bytes = bpf_get_stack(ctx, to, FDR_KERNEL_FRAMES * 8, 0);
  if (bytes > 0 && bytes <= FDR_KERNEL_FRAMES * 8) data = (__u32)bytes & ~7u;
  stack->kernel_frames = (__u16)(data / 8);
  struct walk_state *state = bpf_map_lookup_elem(&walks, &context);
  if (READ(task, flags) & FDR_PF_KTHREAD || !state) {
    stack->flags |= FDR_STACK_NO_USER;
    return data;
  }
  keep_registers(&state->registers, user_registers(task));
  BOUND(data);
  if (data > FDR_KERNEL_FRAMES * 8) return 0;
  return data + take_user_stack(stack, task, state, context, space, to + data, cap, most);
}

#endif
