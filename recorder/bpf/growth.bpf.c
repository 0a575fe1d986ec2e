/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who makes a target's memory grow: on average a sample for each quarter megabyte that became resident, with its stack, kind and address;
 * and the calls that gave memory back, so that churn is not taken for growth.
 *
 * kmem:rss_stat (5.5 on) fires at each change of an account and does not say by how much. Since 6.2 the account's shared count moves only when
 * a CPU hands in its part (counter_batch pages): an anonymous page fault is one page, unless the count jumps by more than a CPU can have
 * held back: then it was a huge one. Of files, of which one fault maps many pages, and of shared memory each rise of the count is taken, and
 * so is every rise before 6.2. Without rss_stat page faults must do (growth_by_faults): no kinds, nothing that a call brought in without
 * faults, and nothing that was given back.
 * Samples are taken by chance and not by counting up to a quota: a program whose memory rises and falls in step with the quota would
 * always be met at its peak, by whoever is there. What two CPUs saw twice, the next difference takes back.
 */
#include "recorder/bpf/resident.h"
#include "recorder/bpf/ring.h"
#include "recorder/bpf/stack.h"

#define GROWTH_ROOM (sizeof(struct fdr_growth) + FDR_STACK_ROOM(FDR_COPY_SMALL))
#define SAMPLE_PAGES 64
#define LEAST_BACK (64 * 1024) /* less cannot hold a sample's weight */
#define BRK_REACH (1ull << 36) /* how far the old break may have been; mappings are further away than that */

/* x86-64 numbers of the calls that change mappings (arch/x86/entry/syscalls/syscall_64.tbl). */
enum { NR_MMAP = 9, NR_MUNMAP = 11, NR_BRK = 12, NR_MREMAP = 25, NR_MADVISE = 28, NR_MLOCK = 149, NR_MLOCKALL = 151, NR_MLOCK2 = 325 };

static __always_inline struct fdr_growth *growth_begin(struct fdr_thread *thread, __u32 slot, __u64 now, __u32 expected,
                                                       struct ring_place *place) {
  struct fdr_cursor *cursor = ring_cursor(FDR_GROWTH, slot);
  if (!cursor) return 0;
  if (ring_allowance(cursor, FDR_GROWTH, FDR_CHUNK_BYTES, now) < expected) {
    cursor->limited++;
    return 0;
  }
  if (ring_begin(&growth, FDR_GROWTH, slot, FDR_CHUNK_BYTES, GROWTH_ROOM, now, cursor, place)) return 0;
  struct fdr_chunk *chunk = (void *)place->chunk;
  struct fdr_growth *record = (void *)&chunk->body[place->offset];
  record->head.ns = now;
  record->head.thread = thread->id;
  return record;
}

/* The range that the call this thread is in gives back; 0 bytes where it gives back none that is worth a record. */
static __always_inline __u64 given_back(const struct pt_regs *regs, __u64 *address) {
  *address = REGISTER(regs, di);
  const __u64 nr = REGISTER(regs, orig_ax), second = REGISTER(regs, si);
  const __u64 length = nr == NR_MUNMAP || nr == NR_MADVISE || nr == NR_MREMAP ? second : nr == NR_BRK ? BRK_REACH : 0;
  return length >= LEAST_BACK ? length : 0;
}

static __always_inline void tell_back(struct fdr_growth_account *account, struct fdr_thread *thread, __u32 slot, const struct pt_regs *regs) {
  __u64 address = 0;
  const __u64 length = given_back(regs, &address);
  if (!length || account->last_back == address + length) return;
  account->last_back = address + length;
  struct ring_place place;
  struct fdr_growth *record = growth_begin(thread, slot, bpf_ktime_get_ns(), sizeof(struct fdr_growth), &place);
  if (!record) return;
  record->head.kind = FDR_GROWTH_BACK;
  record->bytes = length;
  record->address = address;
  record->head.len8 = __builtin_offsetof(struct fdr_growth, stack) / 8;
  ring_end(&place, __builtin_offsetof(struct fdr_growth, stack));
}

/* The page that a fault of this thread, the last one on this CPU, brings in; none where a call brings pages in without faults. */
static __always_inline __u64 fault_address(__u32 slot, struct task_struct *task, const struct pt_regs *regs) {
  const __u64 nr = REGISTER(regs, orig_ax);
  if (nr == NR_MMAP || nr == NR_MREMAP || nr == NR_MADVISE || nr == NR_MLOCK || nr == NR_MLOCKALL || nr == NR_MLOCK2) return 0;
  struct fdr_cpu *cpu = bpf_map_lookup_elem(&cpus, &slot);
  return cpu && cpu->fault_task == (__u64)task ? cpu->fault_address : 0;
}

/* Of how many samples one is kept, with their weight: the ring must cover its span whatever grows, and what is given back must find room. */
static __always_inline __u32 thinning(__u32 slot) {
  struct fdr_cursor *cursor = ring_cursor(FDR_GROWTH, slot);
  if (!cursor) return 1;
  const __s64 full = (__s64)FDR_CHUNK_BYTES * chunks_per_slot[FDR_GROWTH] / 2;
  const __s64 left = ring_allowance(cursor, FDR_GROWTH, FDR_CHUNK_BYTES, bpf_ktime_get_ns());
  return left > full / 2 ? 1 : left > full / 4 ? 4 : left > full / 8 ? 16 : 64;
}

/* Without the kernel's frames: they are those of a page fault, whoever made it. */
static __always_inline void tell_growth(struct task_struct *task, struct pt_regs *regs, struct fdr_thread *thread, __u32 slot, __u32 kind,
                                        __u64 pages, __u64 address) {
  __u32 context = WALK_GROWTH;
  struct walk_state *state = bpf_map_lookup_elem(&walks, &context);
  struct ring_place place;
  if (!state) return;
  struct fdr_growth *record = growth_begin(thread, slot, bpf_ktime_get_ns(), GROWTH_ROOM, &place);
  if (!record) return;
  record->head.kind = kind == FDR_MM_ANON ? FDR_GROWTH_ANON : kind == FDR_MM_FILE ? FDR_GROWTH_FILE : FDR_GROWTH_SHARED;
  record->bytes = pages << 12;
  record->address = address;
  clear_stack(&record->stack);
  record->stack.flags = FDR_STACK_IN_KERNEL;
  keep_registers(&state->registers, regs);
  const __u32 data = take_user_stack(&record->stack, task, state, context, thread->space, record + 1, FDR_COPY_SMALL, FDR_COPY_SMALL);
  const __u32 length = sizeof(struct fdr_growth) + data;
  record->head.len8 = length / 8;
  ring_end(&place, length);
}

static __always_inline void see_change(struct fdr_growth_account *account, __u32 kind, __s64 pages) {
  if (pages) __sync_fetch_and_add(&account->pages[kind], pages);
}

static __always_inline __u64 pages_risen(__u32 kind, __s64 delta, const struct pt_regs *regs) {
  if (counts_by_thread() || kind != FDR_MM_ANON || delta > 2 * counter_batch) return delta > 0 ? (__u64)delta : 0;
  const __u64 nr = REGISTER(regs, orig_ax);
  return nr == NR_MUNMAP || nr == NR_MADVISE || nr == NR_MREMAP || nr == NR_BRK ? 0 : 1;
}

/* The pages a sample of this rise stands for; 0: it is not one. */
static __always_inline __u64 weight_of(__u32 slot, __u64 rise) {
  const __u64 pages = (__u64)SAMPLE_PAGES * thinning(slot);
  if (rise == 0 || (rise < pages && (bpf_get_prandom_u32() & (pages - 1)) >= rise)) return 0;
  return rise < pages ? pages : rise;
}

/* The current thread, where what it does counts. */
static __always_inline struct fdr_thread *growing_thread(struct fdr_control *page, __u32 slot, struct task_struct *task) {
  struct fdr_thread *thread = current_thread(page, slot, task);
  if (!thread || thread->flags & (FDR_THREAD_MUTE | FDR_THREAD_EXITED) || bpf_ktime_get_ns() > page->lease_ns) return 0;
  return thread;
}

SEC("tp_btf/rss_stat")
int BPF_PROG(on_rss_stat, struct mm_struct *mm, int member) {
  struct fdr_control *page = control_page();
  struct task_struct *task = current_task();
  if (!page || member < 0 || member > FDR_MM_SHARED || member == FDR_MM_SWAP) return 0;
  __u32 kind = (__u32)member;
  BOUND(kind);
  kind &= 3;
  const __u32 slot = cpu_slot(page);
  const __u64 key = (__u64)mm;
  if (READ(task, mm) != mm) { /* taken away by the kernel (reclaim), or handed out by another process: nobody here grew */
    struct fdr_growth_account *account = bpf_map_lookup_elem(&growth_accounts, &key);
    if (account) see_change(account, kind, resident_pages(mm, kind) - account->pages[kind]);
    return 0;
  }
  struct fdr_thread *thread = growing_thread(page, slot, task);
  if (!thread) return 0;
  struct fdr_growth_account *account = bpf_map_lookup_elem(&growth_accounts, &key);
  if (!account) {
    begin_growth(mm);
    return 0;
  }
  struct pt_regs *regs = user_registers(task);
  tell_back(account, thread, slot, regs);
  const __s64 delta = resident_pages(mm, kind) - account->pages[kind];
  see_change(account, kind, delta);
  const __u64 rise = pages_risen(kind, delta, regs);
  const __u64 weight = weight_of(slot, rise);
  if (!weight) return 0;
  account->last_back = 0;
  tell_growth(task, regs, thread, slot, kind, weight, fault_address(slot, task, regs));
  return 0;
}

/* `error`: bit 0 is set where the page was there, and only may not be used so (Intel SDM 3A 4.7; arch/x86/include/asm/trap_pf.h). */
static __always_inline int note_fault(__u64 address, __u64 error) {
  struct fdr_control *page = control_page();
  struct task_struct *task = current_task();
  if (!page) return 0;
  __u32 slot = cpu_slot(page);
  if (growth_by_faults) {
    struct fdr_thread *thread = error & 1 ? 0 : growing_thread(page, slot, task);
    const __u64 weight = thread ? weight_of(slot, 1) : 0;
    if (weight) tell_growth(task, user_registers(task), thread, slot, FDR_MM_ANON, weight, address);
    return 0;
  }
  struct fdr_cpu *cpu = bpf_map_lookup_elem(&cpus, &slot);
  if (!cpu) return 0;
  cpu->fault_task = (__u64)task;
  cpu->fault_address = address;
  return 0;
}

SEC("tp_btf/page_fault_user")
int BPF_PROG(on_page_fault_user, __u64 address, struct pt_regs *regs, __u64 error) { return note_fault(address, error); }

/* read(2) into fresh memory faults in the kernel. */
SEC("tp_btf/page_fault_kernel")
int BPF_PROG(on_page_fault_kernel, __u64 address, struct pt_regs *regs, __u64 error) { return note_fault(address, error); }
