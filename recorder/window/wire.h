/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* wire.h: what the BPF programs write and user space reads. The one layout shared by both; sizes are asserted on both sides.
 *
 * A ring is a run of chunks per CPU slot in one mmap-able array; index = slot * chunks + seq % chunks. A chunk is written by one
 * context of one CPU only: body first, then `used`; when it is recycled `used` goes to 0 before `seq` changes, so that a reader
 * that copies and then finds another `seq` knows it was overtaken. All times are CLOCK_MONOTONIC ns, all ids
 * of the initial PID namespace. Plain C: fixed widths, no pointers.
 */
#ifndef FDR_WIRE_H
#define FDR_WIRE_H

#ifdef __bpf__
#include <linux/types.h>
typedef __u8 fdr_u8;
typedef __u16 fdr_u16;
typedef __u32 fdr_u32;
typedef __s32 fdr_s32;
typedef __u64 fdr_u64;
typedef __s64 fdr_s64;
#define FDR_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#else
#include <stdint.h>
typedef uint8_t fdr_u8;
typedef uint16_t fdr_u16;
typedef uint32_t fdr_u32;
typedef int32_t fdr_s32;
typedef uint64_t fdr_u64;
typedef int64_t fdr_s64;
#define FDR_ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size), #type)
#endif

#include "unwind/row.h"

enum {
  FDR_WIRE_VERSION = 7,
  FDR_MAX_CPUS = 1024,     /* ids of CPUs that can be given a slot */
  FDR_NO_SLOT = 0xffff,
  FDR_NO_THREAD = 0x7fffffff, /* no index of the threads array */

  FDR_CHUNK_BYTES = 64 * 1024,
  FDR_STACK_CHUNK_BYTES = 256 * 1024, /* stack copies are large: at 64 KiB a quarter of each chunk would stay empty */
  FDR_CHUNK_HEADER = 32,

  FDR_KERNEL_FRAMES = 64,
  FDR_COPY_MAX = 16 * 1024, /* of a clock sample; node needs that much */
  FDR_COPY_MIN = 512,       /* what a sample still gets when the ring's allowance is used up */
  FDR_COPY_SMALL = 4 * 1024, /* of a slow or failed call and of a stall */
  FDR_SEGMENTS = 256,        /* executable mappings of one process that the walk knows: a power of two */
  FDR_SUBJECT = 192,

  FDR_THREAD_SLOT_BITS = 18,
  FDR_THREAD_SLOT_MASK = (1 << FDR_THREAD_SLOT_BITS) - 1,

  FDR_PARKED = 256,          /* stacks of threads that left the CPU, direct-mapped by slot */
  FDR_SUMMARY_CELLS = 4096,  /* per CPU slot, hashed */
  FDR_SUMMARY_PROBES = 8,
  FDR_SYSCALLS_MAX = 512,    /* plus one cell per number for processes that found no room */
  FDR_SUMMARY_ROW = FDR_SUMMARY_CELLS + FDR_SYSCALLS_MAX,
  FDR_HISTOGRAM = 24,

  FDR_FAILING_PATH = 256,
  FDR_ANCESTORS = 4,         /* parent, its parent, ... of whoever fails, by comm */
  FDR_SKETCH = 256,          /* registers of a HyperLogLog: a standard error of 1.04 / sqrt(256) = 6.5 % */
  FDR_SEND_PORTS = 16,       /* ports that heartbeats made of sends ask for */

  FDR_HEAP_FRAMES = 96,      /* of an allocation's stack: the innermost */
  FDR_HEAP_GAPS = 256,       /* a power of two */
};

enum fdr_ring { FDR_STACKS, FDR_STALLS, FDR_SYSCALLS, FDR_SLOW, FDR_FAILED, FDR_LIFE, FDR_GROWTH, FDR_BYSTANDERS, FDR_RINGS };

struct fdr_chunk_header {
  fdr_u64 seq; /* 1, 2, ... ; 0 = never used */
  fdr_u64 first_ns;
  fdr_u32 used; /* bytes of the body that are complete */
  fdr_u32 cpu;
  fdr_u64 spare;
};
FDR_ASSERT_SIZE(struct fdr_chunk_header, FDR_CHUNK_HEADER);

/* The writer's place in a ring on one CPU slot: cursors[ring * slots + slot]. */
struct fdr_cursor {
  fdr_u64 seq;
  fdr_u32 used;
  fdr_u32 busy;      /* a record is being written: who interrupts it drops his own */
  fdr_u64 recorded;
  fdr_u64 dropped;   /* nesting */
  fdr_u64 limited;   /* over the allowance that keeps the ring covering its span */
  fdr_s64 allowance; /* bytes; a token bucket of half the ring, refilled by half the ring per span */
  fdr_u64 refilled_ns;
  fdr_u64 chunk;     /* seq % chunks: a division saved at every record */
};
FDR_ASSERT_SIZE(struct fdr_cursor, 64);

/* Every record but the raw syscall begins with this. `len8` is the whole length in 8-byte units. */
struct fdr_record {
  fdr_u64 ns;
  fdr_u32 thread; /* id: generation << FDR_THREAD_SLOT_BITS | slot */
  fdr_u16 len8;
  fdr_u16 kind;   /* of its ring: fdr_life_kind, fdr_stall_kind; 0 elsewhere */
};
FDR_ASSERT_SIZE(struct fdr_record, 16);

enum fdr_stack_flags {
  FDR_STACK_IN_KERNEL = 1, /* the thread was in the kernel */
  FDR_STACK_WHOLE = 2,     /* the copy reaches the base of the stack in use */
  FDR_STACK_NO_USER = 4,   /* a kernel thread, or no registers to be had */
  FDR_STACK_UNREADABLE = 8,
  FDR_STACK_CUT = 16,      /* cut short by the ring's allowance */
  FDR_STACK_COPIED = 32,   /* the walk by rows did not reach a root, or there were none: registers and a copy instead of frames */
};

/* Followed by kernel_frames addresses, then user_frames (both innermost first; FDR_FRAME_EXACT as in row.h); with FDR_STACK_COPIED by
 * fdr_registers and `words` of stack from registers.sp on instead of user frames.
 */
struct fdr_stack {
  fdr_u16 kernel_frames;
  fdr_u16 user_frames;
  fdr_u16 words;
  fdr_u8 flags;
  fdr_u8 end; /* fdr_walk_end; FDR_WALK_ON: not walked */
};
FDR_ASSERT_SIZE(struct fdr_stack, 8);

struct fdr_registers {
  fdr_u64 ip, sp, bp, bx, r12, r13, r14, r15;
};
FDR_ASSERT_SIZE(struct fdr_registers, 64);

/* What can follow a struct fdr_stack at most, with a copy of `copy` bytes. */
#define FDR_STACK_ROOM(copy) \
  (FDR_KERNEL_FRAMES * 8 + (64 + (copy) > FDR_MAX_FRAMES * 8 ? 64 + (copy) : FDR_MAX_FRAMES * 8))

struct fdr_sample { /* ring stacks */
  struct fdr_record head;
  struct fdr_stack stack;
};

enum fdr_stall_kind {
  FDR_STALL_WAIT,
  FDR_STALL_BLOCKED,
  FDR_STALL_UNINTERRUPTIBLE,
  FDR_STALL_RUNNABLE,
  FDR_STALL_RECLAIM,
  FDR_STALL_COMPACTION,
  FDR_STALL_THROTTLED,
};

/* In fdr_thread.out_state beside the kernel's own states: could run, but its group has used up its quota. No kernel state has this bit. */
#define FDR_STATE_THROTTLED (1u << 31)

struct fdr_stall { /* ring stalls; head.ns is its end */
  struct fdr_record head;
  fdr_u64 length_ns;
  fdr_s32 syscall; /* -1: none */
  fdr_u32 has_stack;
  struct fdr_stack stack; /* only where has_stack */
};

/* Ring syscalls: an array of these without any header. */
struct fdr_syscall {
  fdr_u64 end_ns;
  fdr_u32 thread;
  fdr_u16 nr;        /* number | FDR_NR_* */
  fdr_u16 ret_high;  /* bits 32..47: results are errors, counts or user addresses, all of 48 bits signed */
  fdr_u32 ret_low;
  fdr_u32 wall;      /* ns, or units of 1024 ns with FDR_NR_SCALED; saturating */
  fdr_u32 cpu;       /* same unit */
  fdr_u32 argument;  /* low half of the first */
};
FDR_ASSERT_SIZE(struct fdr_syscall, 32);

enum { FDR_NR_MASK = 0x03ff, FDR_NR_COMPAT = 0x0400, FDR_NR_X32 = 0x0800, FDR_NR_SCALED = 0x1000 };

enum fdr_subject_kind { FDR_SUBJECT_NONE, FDR_SUBJECT_PATH, FDR_SUBJECT_FILE, FDR_SUBJECT_SOCKET };

struct fdr_peer { /* subject of a call on a socket */
  fdr_u16 family, type;
  fdr_u16 local_port, remote_port; /* host byte order */
  fdr_u8 remote[16];
};

struct fdr_call { /* rings slow and failed; head.ns is the return */
  struct fdr_record head;
  fdr_u64 wall, cpu;
  fdr_s64 ret;
  fdr_u64 args[6];
  fdr_u16 nr;
  fdr_u16 subject_kind;
  fdr_u32 subject_length;
  fdr_u8 subject[FDR_SUBJECT];
  struct fdr_stack stack;
};

enum fdr_growth_kind { FDR_GROWTH_ANON, FDR_GROWTH_FILE, FDR_GROWTH_SHARED, FDR_GROWTH_BACK };

struct fdr_growth { /* ring growth */
  struct fdr_record head;
  fdr_u64 bytes;   /* the sample's weight. BACK: given back from address on */
  fdr_u64 address; /* of the page fault that brought in the last of it; 0: no fault (MAP_POPULATE, mlock) */
  struct fdr_stack stack; /* not of BACK */
};

/* What was seen of one address space's resident memory, by mm. */
struct fdr_growth_account {
  fdr_s64 pages[4];  /* by the kernel's MM_* */
  fdr_u64 last_back; /* the call that gave back last, told once however many steps it takes */
};

/* What a function of an allocator takes and gives, and what is known of it: the cookie of its probe (heap.bpf.c). */
enum fdr_heap_call {
  FDR_HEAP_MALLOC,       /* (size) */
  FDR_HEAP_CALLOC,       /* (count, size) */
  FDR_HEAP_REALLOC,      /* (block, size) */
  FDR_HEAP_ALIGNED,      /* (alignment, size) */
  FDR_HEAP_POSIX,        /* (where the block's address goes, alignment, size): 0 is success */
  FDR_HEAP_FREE,         /* (block) */
  FDR_HEAP_CALL_MASK = 15,
  FDR_HEAP_NULL_CALLS_MALLOC = 16, /* REALLOC of no block ends in a MALLOC that is probed too */
};

/* A block that was sampled when it was allocated, and has not been freed. */
struct fdr_heap_key {
  fdr_u64 address;
  fdr_u32 tgid;
  fdr_u32 spare;
};
FDR_ASSERT_SIZE(struct fdr_heap_key, 16);
struct fdr_heap_block {
  fdr_u64 ns;
  fdr_u64 size;
  fdr_u64 stack; /* key of heap_stacks; 0: found no room */
};
FDR_ASSERT_SIZE(struct fdr_heap_block, 24);

/* Where blocks that are held were allocated, by a hash of its process and frames. */
struct fdr_heap_stack {
  fdr_u64 blocks; /* sampled ones that refer to it */
  fdr_u32 tgid;
  fdr_u16 frames; /* innermost first, from the allocator's caller on; FDR_FRAME_EXACT as in row.h */
  fdr_u16 end;    /* fdr_walk_end */
  fdr_u64 frame[FDR_HEAP_FRAMES];
};
FDR_ASSERT_SIZE(struct fdr_heap_stack, 16 + 8 * FDR_HEAP_FRAMES);

struct fdr_heap_counts {
  fdr_u64 sampled;        /* blocks, since the start */
  fdr_u64 no_room;        /* of these not kept: the table of blocks was full */
  fdr_u64 without_stack;  /* kept without one: the table of stacks was full */
  fdr_u64 busy;           /* not kept: another task was preempted while it was being sampled on this CPU */
};
FDR_ASSERT_SIZE(struct fdr_heap_counts, 32);

enum { FDR_EXIT_UNKNOWN = (-2147483647 - 1) }; /* fdr_life.exit_code: nobody told */

enum fdr_life_kind { FDR_LIFE_FORK, FDR_LIFE_EXEC, FDR_LIFE_EXIT };

struct fdr_life { /* ring life */
  struct fdr_record head;
  fdr_u32 tid, tgid;
  fdr_u32 parent_tgid;
  fdr_u32 parent_thread; /* id, FORK only */
  fdr_u64 start_boottime;
  fdr_s32 exit_code;     /* wait status, EXIT only */
  fdr_u32 group_dead;    /* EXIT: the last thread of its process */
  fdr_u64 user_ns, system_ns; /* EXIT and group_dead: of the whole process */
  fdr_u32 target;
  fdr_u32 old_tid;       /* EXEC: a thread that takes over its leader's id */
  char comm[16];
  char path[256];        /* EXEC */
};

struct fdr_bystander { /* ring bystanders: a process outside all targets has ended; head.ns is when, head.thread 0 */
  struct fdr_record head;
  fdr_u32 tgid, parent_tgid;
  fdr_u64 start_boottime;
  fdr_s32 exit_code; /* wait status */
  fdr_u32 spare;
  fdr_u64 user_ns, system_ns; /* of the whole process */
  char comm[16];
  char file[48];     /* name of the file it executed, "" where the kernel has let go of it by then */
};
FDR_ASSERT_SIZE(struct fdr_bystander, 120);

/* Failed calls of all processes of a name, by what they asked for. A hash of bounded size: who has not failed for longest goes. */
struct fdr_failing_key {
  char comm[16];        /* of the process */
  fdr_u64 directory;    /* hash of the path up to its last slash; 0: the call has no path, or one without a slash */
  fdr_u16 nr, error;
  fdr_u32 spare;
};
FDR_ASSERT_SIZE(struct fdr_failing_key, 32);

/* Two of them take turns by epochs (ns >> failing_shift) that are at least as long as the window: what both hold covers it. */
struct fdr_failing_part {
  fdr_u64 calls;
  fdr_u32 epoch;
  fdr_u32 spare;
  fdr_u8 registers[FDR_SKETCH]; /* HyperLogLog of the paths */
};
FDR_ASSERT_SIZE(struct fdr_failing_part, 16 + FDR_SKETCH);

struct fdr_failing {
  fdr_u64 first_ns, last_ns;
  fdr_u32 tgid;             /* of the last */
  fdr_u32 directory_length; /* of path, with the slash */
  fdr_u32 path_length;
  fdr_u32 of_target;
  char ancestors[FDR_ANCESTORS][16]; /* of the first, the parent first */
  char path[FDR_FAILING_PATH];       /* the first: an example */
  struct fdr_failing_part parts[2];
};
FDR_ASSERT_SIZE(struct fdr_failing, 32 + 16 * FDR_ANCESTORS + FDR_FAILING_PATH + 2 * (16 + FDR_SKETCH));

/* What a target sent to one peer, for heartbeats made of sends. */
struct fdr_send_key {
  fdr_u32 tgid;
  fdr_u16 family; /* AF_INET, AF_INET6 */
  fdr_u16 port;   /* host byte order */
  fdr_u8 address[16];
};
FDR_ASSERT_SIZE(struct fdr_send_key, 24);
struct fdr_send {
  fdr_u64 last_ns;
  fdr_u64 count;
};

/* Clock ticks that found a process outside all targets running, by tgid. */
struct fdr_ticks {
  fdr_u64 start_boottime;
  fdr_u64 last_ns;
  fdr_u64 ticks, system_ticks; /* the latter a part of the former */
  fdr_u32 parent_tgid;
  fdr_u32 spare;
  char comm[16];
};
FDR_ASSERT_SIZE(struct fdr_ticks, 56);

enum fdr_thread_flags {
  FDR_THREAD_USED = 1,
  FDR_THREAD_EXITED = 2,
  FDR_THREAD_IN_CALL = 4,
  FDR_THREAD_NEW = 8,      /* forked, has not returned to user space: its first sys_exit is the parent's clone */
  FDR_THREAD_ATTACHED = 16, /* was there at attach: may be within a call whose start was not seen */
  FDR_THREAD_MUTE = 32,    /* `run`: counts nothing until COMMAND's execve succeeded */
};

/* One element of the threads array; written by the programs, read by user space at any time. */
struct fdr_thread {
  fdr_u32 id;
  fdr_u32 tid, tgid;
  fdr_u32 target;
  fdr_u32 flags;
  fdr_u32 nr;              /* of the call it is in */
  fdr_u64 start_boottime;
  fdr_u64 first_ns;        /* first seen */
  fdr_u64 on_ns;           /* on a CPU since, and accounted up to; 0: off */
  fdr_u64 out_ns;          /* left the CPU; 0: not seen leaving */
  fdr_u64 off_ns;          /* sums */
  fdr_u64 cpu_ns;
  fdr_u64 call_cpu_ns;
  fdr_u64 calls;
  fdr_u64 call_errors;
  fdr_u64 enter_ns, enter_off_ns; /* of the call it is in */
  fdr_u64 run_delay_ns, run_delay_base;
  fdr_u64 voluntary, involuntary;
  fdr_u64 reclaim_ns, compact_ns; /* begun; 0: not in it */
  fdr_u32 out_state;
  fdr_u32 space;           /* index into spaces, plus one; 0: no rows yet. Given by user space, inherited at fork, dropped at exec */
  fdr_s64 heap_left;       /* bytes this thread still allocates until the next sample; 0: none was drawn yet */
  char comm[16];
};
FDR_ASSERT_SIZE(struct fdr_thread, 192);

struct fdr_parked { /* a stack taken at switch-out, waiting for the switch-in that says how long it was */
  fdr_u32 thread;
  fdr_u32 spare;
  fdr_u64 out_ns;
  fdr_u32 length; /* of what follows the stack's header */
  fdr_u32 spare_2;
  struct fdr_stack stack;
  fdr_u8 data[FDR_STACK_ROOM(FDR_COPY_SMALL)];
};

/* The executable mappings of one address space, sorted and apart, for the walk by rows. Written by user space: seq is odd meanwhile. */
struct fdr_space {
  fdr_u32 seq;
  fdr_u32 count;
  fdr_u64 strange; /* walks that came to an address in no segment: code that was mapped since */
  struct fdr_segment segments[FDR_SEGMENTS];
};
FDR_ASSERT_SIZE(struct fdr_space, 16 + 32 * FDR_SEGMENTS);

enum { FDR_ROWS_PENDING = 0x7fffffff }; /* fdr_segment.count: a file whose rows are not there yet, or did not fit: not walked through */

/* Exact sums by (process, number); cells[slot * FDR_SUMMARY_ROW + i]. One CPU writes a row; key 0 = free. */
struct fdr_summary_cell {
  fdr_u64 key; /* tgid << 32 | 1 << 31 | nr with its ABI bits */
  fdr_u64 calls, errors;
  fdr_u64 wall_ns, cpu_ns;
  fdr_u64 max_ns[2];   /* by parity of the epoch (ns >> 30) it belongs to */
  fdr_u32 max_epoch[2];
  fdr_u32 histogram[FDR_HISTOGRAM];
};
FDR_ASSERT_SIZE(struct fdr_summary_cell, 160);

struct fdr_error_key {
  fdr_u32 tgid;
  fdr_u16 nr;
  fdr_u16 error;
};
struct fdr_error_count {
  fdr_u64 count;
  fdr_u64 refilled_ns;
  fdr_u64 tokens;
};

/* Per CPU slot: clock ticks that found it busy, and whom it runs. missed = (counter_ns - idle_ns) / period - ticks_run;
 * an idle CPU of a guest may give no ticks at all (seen on 6.18), and misses nothing by it.
 */
struct fdr_cpu {
  fdr_u64 ticks_run;
  fdr_u64 counter_ns;
  fdr_u64 idle_ns;
  fdr_u64 idle_since_ns; /* 0: busy */
  fdr_u64 task;          /* the task that was switched in, and its thread: what a system call need not look up again */
  fdr_u32 thread;        /* index, FDR_NO_THREAD for a bystander */
  fdr_u32 arming;        /* of which fdr_control.arming the two are */
  fdr_u64 fault_task;    /* the last page fault that began here */
  fdr_u64 fault_address;
};
FDR_ASSERT_SIZE(struct fdr_cpu, 64);

/* FDR_SPARED_CALLS: a call costs its hooks and little more. It is counted for its thread, is no news of a spinning one, and a heartbeat made of
 * sends hears it; sums, single, slow and failed calls, and those that fail elsewhere on the host are left out.
 */
enum fdr_spared { FDR_SPARED_CALLS = 1 };

/* Who writes the rings. */
enum fdr_backend { FDR_BACKEND_BPF, FDR_BACKEND_PERF, FDR_BACKEND_PROC, FDR_BACKENDS };

/* fdr_control.lacks: what is not recorded here at all, which is not the same as none of it: 1 << fdr_ring, and these. */
enum fdr_lacks {
  FDR_LACKS_SUMS = 1 << 16,    /* calls are not counted, neither by number nor by thread */
  FDR_LACKS_FAILING = 1 << 17, /* who fails and who runs outside the targets */
  FDR_LACKS_WAITS = 1 << 18,   /* fdr_thread.run_delay_ns */
  FDR_LACKS_CALLS = FDR_LACKS_SUMS | 1 << FDR_SYSCALLS | 1 << FDR_SLOW | 1 << FDR_FAILED,
};

#define FDR_MAGIC 0x776f646e69726466ull /* "fdrindow" */

/* Written by user space each tick; the programs record nothing once the lease is over. What comes before the lease
 * says whose window this is, and stays where it is in every version: a window outlives its recorder, and is found by another one.
 */
struct fdr_control {
  fdr_u64 magic;        /* FDR_MAGIC, once all is set up */
  fdr_u32 wire_version; /* FDR_WIRE_VERSION */
  fdr_u32 recorder;     /* its pid */
  fdr_u64 renewed_ns;   /* the last tick: the recorder's last sign of life */
  fdr_u64 lease_ns;
  fdr_u64 slots_exhausted; /* threads that found no slot: not recorded */
  fdr_u64 cpu_without_slot; /* calls, lives and stalls on a CPU that has no rings: not recorded */
  fdr_u64 summary_overflow; /* calls counted under "others" */
  fdr_u32 arming;           /* grows when threads that run already were given slots */
  fdr_u32 spared;           /* fdr_spared: what is not looked at for now, to cost less */
  fdr_u64 returns_unseen;   /* switch-ins that the kernel did not tell of (bpf/progress.h) */
  fdr_u32 backend;          /* fdr_backend */
  fdr_u32 lacks;            /* fdr_lacks */
  fdr_u16 slot_of_cpu[FDR_MAX_CPUS];
};

/* What a system call works on, by number: 0 nothing, 1..6 a path in argument 0..5, or a descriptor in argument 0. */
enum { FDR_TRAIT_PATH_MASK = 7, FDR_TRAIT_FD = 8, FDR_TRAIT_WAITS = 16 };

#endif
