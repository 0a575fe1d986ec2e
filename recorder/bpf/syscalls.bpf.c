/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* System calls of the targets' threads: exact sums, the raw record, and the whole story of slow and failed calls.
 *
 * Bystanders pay for a look at what the switch left for this CPU (maps.h), and for what their failed calls are counted by (failing.h). Wall time is exit
 * minus entry; CPU time is that less what the thread was off the CPU meanwhile (sched.bpf.c keeps the sum). Counted as strace -f -c counts: what never
 * returns (exit_group) by its entry, what was in flight at attach with an unknown duration, what seccomp refused as a failure that took no time.
 */
#include "recorder/bpf/failing.h"
#include "recorder/bpf/progress.h"
#include "recorder/bpf/ring.h"
#include "recorder/bpf/sends.h"
#include "recorder/bpf/stack.h"

#define CALL_ROOM (sizeof(struct fdr_call) + FDR_STACK_ROOM(FDR_COPY_SMALL))
#define FDR_NR_RT_SIGRETURN 15
#define FDR_NR_CONNECT 42
#define FDR_NR_EXIT 60
#define FDR_NR_EXIT_GROUP 231
#define FDR_NR_FUTEX 202
#define FDR_X32_BIT 0x40000000
#define FDR_TS_COMPAT 2
#define FDR_ERRNO_MAX 4095

enum { EINTR_ = 4, EAGAIN_ = 11, ETIMEDOUT_ = 110, EINPROGRESS_ = 115, ERESTARTSYS_ = 512, ERESTART_RESTARTBLOCK_ = 516 };

#define TOKENS_PER_SECOND 10
#define TOKENS_MOST 20

static __always_inline __u32 abi_number(struct task_struct *task, long id) {
  __u32 nr = (__u32)id & FDR_NR_MASK;
  if (id & FDR_X32_BIT) nr |= FDR_NR_X32;
  else if (READ(task, thread_info.status) & FDR_TS_COMPAT) nr |= FDR_NR_COMPAT;
  return nr;
}

static __always_inline struct fdr_summary_cell *summary_cell(struct fdr_control *page, __u32 slot, __u32 tgid, __u32 nr) {
  const __u64 key = (__u64)tgid << 32 | 1u << 31 | nr;
  const __u32 row = slot * FDR_SUMMARY_ROW;
  const __u32 hash = (__u32)((key * 0x9e3779b97f4a7c15ull) >> 40);
  __u32 vacant = 0xffffffff; /* an index, not a pointer: clang 14 would merge the null checks into pointer arithmetic */
#pragma unroll
  for (__u32 probe = 0; probe < FDR_SUMMARY_PROBES; probe++) {
    __u32 index = row + ((hash + probe) & (FDR_SUMMARY_CELLS - 1));
    struct fdr_summary_cell *cell = bpf_map_lookup_elem(&summary, &index);
    if (!cell) return 0;
    if (cell->key == key) return cell;
    if (!cell->key && vacant == 0xffffffff) vacant = index;
  }
  if (vacant != 0xffffffff) {
    struct fdr_summary_cell *cell = bpf_map_lookup_elem(&summary, &vacant);
    if (cell) cell->key = key;
    return cell;
  }
  __sync_fetch_and_add(&page->summary_overflow, 1);
  __u32 index = row + FDR_SUMMARY_CELLS + (nr & (FDR_SYSCALLS_MAX - 1));
  return bpf_map_lookup_elem(&summary, &index);
}

/* log2 bucket: i holds [2^(i+8), 2^(i+9)) ns, the first and the last are open. */
static __always_inline __u32 bucket_of(__u64 ns) {
  __u32 bucket = 0;
  __u64 rest = ns >> 9;
  if (rest >> 16) { bucket += 16; rest >>= 16; }
  if (rest >> 8) { bucket += 8; rest >>= 8; }
  if (rest >> 4) { bucket += 4; rest >>= 4; }
  if (rest >> 2) { bucket += 2; rest >>= 2; }
  if (rest >> 1) { bucket += 1; rest >>= 1; }
  if (rest) bucket += 1;
  return bucket < FDR_HISTOGRAM ? bucket : FDR_HISTOGRAM - 1;
}

static __always_inline void count_call(struct fdr_control *page, __u32 slot, struct fdr_thread *thread, __u32 nr, __u64 now,
                                       __u64 wall, __u64 cpu, int failed, int timed) {
  thread->calls++;
  thread->call_cpu_ns += cpu;
  if (failed) thread->call_errors++;
  struct fdr_summary_cell *cell = summary_cell(page, slot, thread->tgid, nr);
  if (!cell) return;
  cell->calls++;
  if (failed) cell->errors++;
  if (!timed) return;
  cell->wall_ns += wall;
  cell->cpu_ns += cpu;
  cell->histogram[bucket_of(wall)]++;
  const __u32 epoch = (__u32)(now >> 30), parity = epoch & 1;
  if (cell->max_epoch[parity] != epoch) {
    cell->max_epoch[parity] = epoch;
    cell->max_ns[parity] = wall;
  } else if (wall > cell->max_ns[parity]) {
    cell->max_ns[parity] = wall;
  }
}

static __always_inline void record_raw(__u32 slot, struct fdr_thread *thread, __u32 nr, __u64 now, __u64 wall, __u64 cpu, long ret,
                                       __u64 argument) {
  struct fdr_cursor *cursor = ring_cursor(FDR_SYSCALLS, slot);
  struct ring_place place;
  if (!cursor || ring_begin(&syscalls, FDR_SYSCALLS, slot, FDR_CHUNK_BYTES, sizeof(struct fdr_syscall), now, cursor, &place)) return;
  struct fdr_chunk *chunk = (void *)place.chunk;
  struct fdr_syscall *record = (void *)&chunk->body[place.offset];
  if (wall >> 32) {
    nr |= FDR_NR_SCALED;
    wall >>= 10;
    cpu >>= 10;
    if (wall >> 32) wall = 0xffffffff;
    if (cpu > wall) cpu = wall;
  }
  record->end_ns = now;
  record->thread = thread->id;
  record->nr = nr;
  record->ret_high = (__u16)((__u64)ret >> 32);
  record->ret_low = (__u32)ret;
  record->wall = (__u32)wall;
  record->cpu = (__u32)cpu;
  record->argument = (__u32)argument;
  ring_end(&place, sizeof *record);
}

/* The file or the peer behind a descriptor of the current task. */
static __always_inline void describe_descriptor(struct fdr_call *call, struct task_struct *task, __u64 descriptor) {
  struct file *file = file_of(task, descriptor);
  if (!file) return;
  struct socket *socket = socket_of(file);
  if (socket) {
    struct sock *sock = BPF_CORE_READ(socket, sk);
    if (!sock) return;
    struct fdr_peer *peer = (void *)call->subject;
    peer->family = BPF_CORE_READ(sock, __sk_common.skc_family);
    peer->type = BPF_CORE_READ(socket, type);
    peer->local_port = BPF_CORE_READ(sock, __sk_common.skc_num);
    read_peer(sock, peer->family, &peer->remote_port, peer->remote);
    call->subject_kind = FDR_SUBJECT_SOCKET;
    call->subject_length = sizeof *peer;
    return;
  }
  const unsigned char *name = BPF_CORE_READ(file, f_path.dentry, d_name.name);
  long length = bpf_probe_read_kernel_str(call->subject, FDR_SUBJECT, name);
  if (length <= 1) return;
  call->subject_kind = FDR_SUBJECT_FILE;
  call->subject_length = (__u32)length - 1;
}

/* A connect that failed has left no peer in its socket: it is in the address it was given. */
static __always_inline void describe_destination(struct fdr_call *call, __u64 pointer) {
  struct user_address address = {};
  if (call->subject_kind != FDR_SUBJECT_SOCKET || bpf_probe_read_user(&address, sizeof address, (void *)pointer)) return;
  struct fdr_peer *peer = (void *)call->subject;
  if (peer->remote_port || address.family != peer->family) return;
  peer->remote_port = __builtin_bswap16(address.port);
  take_address(&address, peer->remote);
}

static __always_inline void record_call(void *map, __u32 ring, __u32 slot, struct fdr_thread *thread, struct task_struct *task,
                                        struct pt_regs *regs, __u32 nr, __u64 now, __u64 wall, __u64 cpu, long ret) {
  struct fdr_cursor *cursor = ring_cursor(ring, slot);
  if (!cursor) return;
  if (ring_allowance(cursor, ring, FDR_CHUNK_BYTES, now) < (__s64)CALL_ROOM) {
    cursor->limited++;
    return;
  }
  struct ring_place place;
  if (ring_begin(map, ring, slot, FDR_CHUNK_BYTES, CALL_ROOM, now, cursor, &place)) return;
  struct fdr_chunk *chunk = (void *)place.chunk;
  struct fdr_call *call = (void *)&chunk->body[place.offset];
  call->wall = wall;
  call->cpu = cpu;
  call->ret = ret;
  call->nr = nr;
  call->args[0] = regs->di;
  call->args[1] = regs->si;
  call->args[2] = regs->dx;
  call->args[3] = regs->r10;
  call->args[4] = regs->r8;
  call->args[5] = regs->r9;
  call->subject_kind = FDR_SUBJECT_NONE;
  call->subject_length = 0;
  const __u32 number = nr & FDR_NR_MASK;
  const __u8 traits = call_traits[number & (FDR_SYSCALLS_MAX - 1)];
  const __u32 path = traits & FDR_TRAIT_PATH_MASK;
  if (path) {
    const __u64 pointer = path == 1 ? call->args[0] : path == 2 ? call->args[1] : path == 3 ? call->args[2] : call->args[3];
    long length = bpf_probe_read_user_str(call->subject, FDR_SUBJECT, (void *)pointer);
    if (length > 0) {
      call->subject_kind = FDR_SUBJECT_PATH;
      call->subject_length = (__u32)length - 1;
    }
  } else if (traits & FDR_TRAIT_FD) {
    describe_descriptor(call, task, call->args[0]);
    if (number == FDR_NR_CONNECT) describe_destination(call, call->args[1]);
  }
  __u32 data = 0, context = WALK_CALL;
  struct walk_state *state = bpf_map_lookup_elem(&walks, &context);
  clear_stack(&call->stack);
  if (state) {
    keep_registers(&state->registers, regs);
    data = take_user_stack(&call->stack, task, state, context, thread->space, call + 1, FDR_COPY_SMALL, FDR_COPY_SMALL);
  }
  call->head.ns = now;
  call->head.thread = thread->id;
  call->head.kind = 0;
  const __u32 length = sizeof *call + data;
  call->head.len8 = length / 8;
  ring_end(&place, length);
}

/* Counted always; true where a full record may be written: 10 a second for each (process, number, errno) on this CPU, burst 20. */
static __always_inline int may_tell_failure(__u32 tgid, __u32 nr, __u32 error, __u64 now, int quiet) {
  struct fdr_error_key key = {.tgid = tgid, .nr = (__u16)nr, .error = (__u16)error};
  struct fdr_error_count *entry = bpf_map_lookup_elem(&errors, &key);
  if (!entry) {
    struct fdr_error_count first = {.count = 1, .refilled_ns = now, .tokens = TOKENS_MOST - 1};
    bpf_map_update_elem(&errors, &key, &first, BPF_ANY);
    return !quiet;
  }
  entry->count++;
  if (quiet) return 0;
  const __u64 due = (now - entry->refilled_ns) / (1000000000 / TOKENS_PER_SECOND);
  if (due) {
    entry->tokens += due;
    if (entry->tokens > TOKENS_MOST) entry->tokens = TOKENS_MOST;
    entry->refilled_ns = now;
  }
  if (!entry->tokens) return 0;
  entry->tokens--;
  return 1;
}

static __always_inline int is_quiet(__u32 nr, __u32 error) {
  if (error == EAGAIN_ || error == EINPROGRESS_ || error == EINTR_) return 1;
  if (error >= ERESTARTSYS_ && error <= ERESTART_RESTARTBLOCK_) return 1;
  return error == ETIMEDOUT_ && (nr & FDR_NR_MASK) == FDR_NR_FUTEX;
}

/* Where the call's path is, 0 where it has none or is of another ABI (whose numbers the table does not know). */
static __always_inline __u64 path_argument(struct pt_regs *regs, __u32 nr) {
  if (nr & ~FDR_NR_MASK) return 0;
  switch (call_traits[nr & (FDR_SYSCALLS_MAX - 1)] & FDR_TRAIT_PATH_MASK) {
    case 1: return regs->di;
    case 2: return regs->si;
    case 3: return regs->dx;
    case 4: return regs->r10;
  }
  return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_sys_enter, struct pt_regs *regs, long id) {
  struct task_struct *task = current_task();
  struct fdr_control *page = control_page();
  if (!page) return 0;
  const __u32 slot = cpu_slot(page);
  struct fdr_thread *thread = current_thread(page, slot, task);
  if (!thread) return 0;
  const __u64 now = bpf_ktime_get_ns();
  const __u32 nr = abi_number(task, id);
  close_open_switch(page, thread, now);
  thread->nr = nr;
  thread->enter_ns = now;
  thread->enter_off_ns = thread->off_ns;
  thread->flags = (thread->flags & ~(FDR_THREAD_NEW | FDR_THREAD_ATTACHED)) | FDR_THREAD_IN_CALL;
  if (id == FDR_NR_EXIT || id == FDR_NR_EXIT_GROUP) {
    /* These never return: counted here. */
    if (now > page->lease_ns || thread->flags & FDR_THREAD_MUTE || page->spared & FDR_SPARED_CALLS) return 0;
    if (has_slot(page, slot)) count_call(page, slot, thread, nr, now, 0, 0, 0, 0);
  }
  return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long ret) {
  struct task_struct *task = current_task();
  struct fdr_control *page = control_page();
  if (!page) return 0;
  const __u32 slot = cpu_slot(page);
  struct fdr_thread *thread = current_thread(page, slot, task);
  if (!thread) {
    /* A bystander. Only its failures are looked at; a restart has no number any more. */
    const __u32 error = (__u32)-ret;
    if (!host_tier || ret >= 0 || page->spared & FDR_SPARED_CALLS || ret < -FDR_ERRNO_MAX || (long)regs->orig_ax < 0) return 0;
    const __u64 now = bpf_ktime_get_ns();
    const __u32 nr = abi_number(task, (long)regs->orig_ax);
    if (now > page->lease_ns || is_quiet(nr, error) || READ(task, tgid) == (int)recorder_tgid) return 0;
    note_failing(nr, error, path_argument(regs, nr), now, 0);
    return 0;
  }
  const __u64 now = bpf_ktime_get_ns();
  close_open_switch(page, thread, now);
  const __u32 flags = thread->flags;
  thread->flags = flags & ~(FDR_THREAD_IN_CALL | FDR_THREAD_NEW | FDR_THREAD_ATTACHED);
  if (now > page->lease_ns || flags & FDR_THREAD_MUTE) return 0;
  const int spared = page->spared & FDR_SPARED_CALLS;
  if (slot >= slot_count && (spared || !has_slot(page, slot))) return 0;
  /* What rt_sigreturn "returns" is the rax of the context it goes back to. */
  const int goes_back = flags & FDR_THREAD_IN_CALL && thread->nr == FDR_NR_RT_SIGRETURN;
  const int is_error = !goes_back && ret < 0 && ret >= -FDR_ERRNO_MAX;

  if (!(flags & FDR_THREAD_IN_CALL)) {
    if (flags & FDR_THREAD_NEW) return 0; /* the parent's clone, seen from the child */
    /* In flight at attach (duration unknown), or refused by seccomp before sys_enter: counted, without a time. */
    const long id = (long)regs->orig_ax;
    if (id < 0 || spared) return 0;
    count_call(page, slot, thread, abi_number(task, id), now, 0, 0, is_error, 0);
    return 0;
  }
  const __u32 nr = thread->nr;
  const __u64 wall = now - thread->enter_ns;
  const __u64 off = thread->off_ns - thread->enter_off_ns;
  const __u64 cpu = off < wall ? wall - off : 0;
  if (spared) {
    thread->calls++;
    thread->call_cpu_ns += cpu;
    if (is_error) thread->call_errors++;
  } else {
    count_call(page, slot, thread, nr, now, wall, cpu, is_error, 1);
  }
  if (raw_syscalls && !spared) record_raw(slot, thread, nr, now, wall, cpu, ret, regs->di);

  if (send_port_count && ret >= 0 && is_send(nr)) note_send(nr, regs->di, nr == FDR_NR_SENDTO ? regs->r8 : regs->si, (__u64)ret, now);
  if (spared) return 0;
  if (host_tier && is_error && !is_quiet(nr, (__u32)-ret)) note_failing(nr, (__u32)-ret, path_argument(regs, nr), now, 1);

  if (is_error && may_tell_failure(thread->tgid, nr, (__u32)-ret, now, is_quiet(nr, (__u32)-ret)))
    record_call(&failed, FDR_FAILED, slot, thread, task, regs, nr, now, wall, cpu, ret);
  if (wall >= slow_ns && !(call_traits[nr & (FDR_SYSCALLS_MAX - 1)] & FDR_TRAIT_WAITS))
    record_call(&slow, FDR_SLOW, slot, thread, task, regs, nr, now, wall, cpu, ret);
  return 0;
}
