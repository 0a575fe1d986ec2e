/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who allocated what is still held: probes on the functions of the targets' allocators, sampled by bytes.
 *
 * Each thread counts down the bytes it allocates to its next sample; the gaps are drawn from an exponential distribution, so a block of s
 * bytes is sampled with a chance of 1 - exp(-s / mean) whatever came before it, and stands for s / that chance bytes: no pattern of
 * allocation can hide from it. A sampled block stays in heap_blocks until it is freed. Only calls that are sampled, or move a block that
 * was, have their return probed (a uprobe session, 6.13); before that all have, and a tick within an allocator finds the kernel's trampoline
 * where the return address was.
 *
 * These programs can be preempted, and another task's run on the same CPU meanwhile: what is one for each CPU is claimed first.
 */
#include "recorder/bpf/heap.h"
#include "recorder/bpf/walk.h"

static __always_inline struct fdr_heap_counts *counts_page(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&heap_counts, &zero);
}

/* The last quantile is open: behind it the distribution begins anew. */
static __always_inline __s64 draw_gap(void) {
  __u64 sum = 0;
  for (int i = 0; i < 2; i++) {
    const __u32 chance = bpf_get_prandom_u32();
    const __u32 at = chance & (FDR_HEAP_GAPS - 1);
    const __u64 low = heap_gaps[at];
    if (at < FDR_HEAP_GAPS - 1) {
      const __u64 high = heap_gaps[(at + 1) & (FDR_HEAP_GAPS - 1)];
      sum += low + (((high - low) * (chance >> 16)) >> 16);
      break;
    }
    sum += low;
  }
  return (__s64)sum + 1;
}

static __always_inline int is_sampled(struct fdr_thread *thread, __u64 size) {
  __s64 left = thread->heap_left;
  if (left <= 0) left = draw_gap();
  const int sampled = size >= (__u64)left;
  thread->heap_left = sampled ? draw_gap() : left - (__s64)size;
  return sampled;
}

static __always_inline void let_go_of_stack(__u64 key) {
  struct fdr_heap_stack *stack = bpf_map_lookup_elem(&heap_stacks, &key);
  if (!stack) return;
  __sync_fetch_and_add(&stack->blocks, (__u64)-1);
  if (stack->blocks == 0) bpf_map_delete_elem(&heap_stacks, &key);
}

static __always_inline void forget_block(__u32 tgid, __u64 address) {
  struct fdr_heap_key key = {.address = address, .tgid = tgid};
  struct fdr_heap_block *block = bpf_map_lookup_elem(&heap_blocks, &key);
  if (!block) return;
  const __u64 stack = block->stack;
  if (bpf_map_delete_elem(&heap_blocks, &key) == 0) let_go_of_stack(stack);
}

static __always_inline int is_held(__u32 tgid, __u64 address) {
  struct fdr_heap_key key = {.address = address, .tgid = tgid};
  return bpf_map_lookup_elem(&heap_blocks, &key) != 0;
}

/* The stack of whom the allocator returns to, and its key. */
static __always_inline __u64 make_stack(struct fdr_heap_stack *stack, struct walk_state *state, struct fdr_thread *thread, struct task_struct *task,
                                        const struct pt_regs *regs) {
  state->frames = 0;
  stack->end = FDR_WALK_NO_MAPPING;
  if (thread->space) {
    state->space = thread->space - 1;
    state->walk.ip = regs->ip;
    state->walk.sp = regs->sp;
    state->walk.bp = regs->bp;
    state->walk.exact = 0;
    state->walk.guessed = 0;
    state->walk.thread = READ(task, thread.fsbase);
    stack->end = walk_user(WALK_HEAP);
  }
  __u32 frames = state->frames;
  if (frames == 0) { /* no rows yet: at least whose allocation it was */
    state->frame[0] = regs->ip;
    frames = 1;
  }
  if (frames > FDR_HEAP_FRAMES) {
    frames = FDR_HEAP_FRAMES;
    stack->end = FDR_WALK_DEEP;
  }
  stack->blocks = 0;
  stack->tgid = thread->tgid;
  stack->frames = frames;
  __u64 hash = thread->tgid;
  for (int i = 0; i < FDR_HEAP_FRAMES; i++) {
    const __u64 frame = i < (int)frames ? state->frame[i] : 0;
    stack->frame[i] = frame;
    hash = (hash ^ frame) * 0x9e3779b97f4a7c15ull;
    hash ^= hash >> 29;
  }
  return hash ? hash : 1;
}

/* Its key, with one more block that refers to it; 0 where there is no room. */
static __always_inline __u64 keep_stack(struct fdr_heap_stack *made, __u64 key) {
  struct fdr_heap_stack *stack = bpf_map_lookup_elem(&heap_stacks, &key);
  if (!stack) {
    bpf_map_update_elem(&heap_stacks, &key, made, BPF_NOEXIST);
    stack = bpf_map_lookup_elem(&heap_stacks, &key);
  }
  if (!stack) return 0;
  __sync_fetch_and_add(&stack->blocks, 1);
  return key;
}

static __always_inline void keep_block(struct fdr_thread *thread, struct task_struct *task, const struct pt_regs *regs, __u64 address, __u64 size) {
  struct fdr_heap_counts *counts = counts_page();
  __u32 zero = 0, context = WALK_HEAP;
  struct heap_scratch *scratch = bpf_map_lookup_elem(&heap_scratches, &zero);
  struct walk_state *state = bpf_map_lookup_elem(&walks, &context);
  if (!counts || !scratch || !state) return;
  __sync_fetch_and_add(&counts->sampled, 1);
  forget_block(thread->tgid, address); /* whoever freed it was not seen doing so */
  if (__sync_lock_test_and_set(&scratch->taken, 1)) {
    __sync_fetch_and_add(&counts->busy, 1);
    return;
  }
  const __u64 made = make_stack(&scratch->stack, state, thread, task, regs);
  struct fdr_heap_block block = {.ns = bpf_ktime_get_ns(), .size = size, .stack = keep_stack(&scratch->stack, made)};
  __sync_lock_test_and_set(&scratch->taken, 0);
  if (!block.stack) __sync_fetch_and_add(&counts->without_stack, 1);
  struct fdr_heap_key key = {.address = address, .tgid = thread->tgid};
  if (bpf_map_update_elem(&heap_blocks, &key, &block, BPF_ANY) == 0) return;
  __sync_fetch_and_add(&counts->no_room, 1);
  let_go_of_stack(block.stack);
}

/* Who allocates: a thread of a target that counts. Those of `run` do not before their command is there. */
static __always_inline struct fdr_thread *allocating_thread(struct task_struct *task) {
  struct fdr_control *page = control_page();
  if (!page) return 0;
  struct fdr_thread *thread = current_thread(page, cpu_slot(page), task);
  return thread && !(thread->flags & (FDR_THREAD_MUTE | FDR_THREAD_EXITED)) ? thread : 0;
}

/* Whether its return matters. */
static __always_inline int entered(struct pt_regs *ctx) {
  const __u64 cookie = bpf_get_attach_cookie(ctx), task_id = bpf_get_current_pid_tgid();
  const __u32 call = cookie & FDR_HEAP_CALL_MASK, tgid = task_id >> 32;
  /* Read once and apart: an access to the context must not be at an offset that is computed. */
  __u64 first = ctx->di, second = ctx->si, third = ctx->dx;
  BOUND(first);
  BOUND(second);
  BOUND(third);
  if (call == FDR_HEAP_FREE) {
    if (first) forget_block(tgid, first);
    return 0;
  }
  struct heap_call begun = {.sp = ctx->sp};
  if (call == FDR_HEAP_REALLOC) {
    begun.old = first;
    if (!first && cookie & FDR_HEAP_NULL_CALLS_MALLOC) return 0;
  } else if (call == FDR_HEAP_POSIX) {
    begun.out = first;
  }
  const __u64 size = call == FDR_HEAP_MALLOC ? first : call == FDR_HEAP_CALLOC ? first * second : call == FDR_HEAP_POSIX ? third : second;
  struct fdr_thread *thread = allocating_thread(current_task());
  if (!thread) return 0;
  const int sampled = is_sampled(thread, size);
  if (!sampled && !(begun.old && is_held(tgid, begun.old))) return 0;
  if (sampled) begun.size = size;
  const struct heap_call *outer = bpf_map_lookup_elem(&heap_calls, &task_id);
  if (outer && outer->sp > begun.sp) return 0; /* a call on the way to another one, which counts */
  bpf_map_update_elem(&heap_calls, &task_id, &begun, BPF_ANY);
  return 1;
}

static __always_inline void returned(struct pt_regs *ctx) {
  const __u64 task_id = bpf_get_current_pid_tgid();
  const struct heap_call *begun = bpf_map_lookup_elem(&heap_calls, &task_id);
  if (!begun || ctx->sp != begun->sp + 8) return;
  const __u64 size = begun->size, old = begun->old, out = begun->out;
  bpf_map_delete_elem(&heap_calls, &task_id);
  __u64 address = ctx->ax;
  if (out && ((__u32)address || bpf_probe_read_user(&address, sizeof address, (void *)out))) return;
  if (!address) return; /* it failed: the old block stays */
  if (old) forget_block(task_id >> 32, old);
  struct task_struct *task = current_task();
  struct fdr_thread *thread = size ? allocating_thread(task) : 0;
  if (thread) keep_block(thread, task, ctx, address, size);
}

/* Both ways: at a return the instruction pointer is no longer that of the function. */
SEC("uprobe")
int on_allocator(struct pt_regs *ctx) {
  if (ctx->ip == bpf_get_func_ip(ctx)) return entered(ctx) ? 0 : 1; /* 1: no need to see it return */
  returned(ctx);
  return 0;
}

SEC("uprobe")
int on_allocator_entry(struct pt_regs *ctx) {
  entered(ctx);
  return 0;
}

SEC("uretprobe")
int on_allocator_return(struct pt_regs *ctx) {
  returned(ctx);
  return 0;
}
