/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The few kernel types the programs read, CO-RE: only the fields used, relocated at load against the running kernel's BTF.
 * Hand-written, so that no generated vmlinux.h is needed. A pointer member must have a complete type here, or its BTF is FWD and
 * the verifier cannot tell its size.
 */
#ifndef FDR_KERNEL_TYPES_H
#define FDR_KERNEL_TYPES_H

#include <linux/types.h>
#include <linux/bpf.h>

typedef _Bool bool;

#define CORE __attribute__((preserve_access_index))

/* x86-64. Kernels with FRED widen cs and ss; ip, sp and the rest keep their names (CO-RE finds them). */
struct pt_regs {
  unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
} CORE;

/* Context of a perf_event program: uapi layout, not relocated (include/uapi/linux/bpf_perf_event.h, asm/ptrace.h). */
struct fdr_perf_context {
  unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
  __u64 sample_period, addr;
};

struct qstr {
  const unsigned char *name;
} CORE;
struct inode {
  unsigned short i_mode;
} CORE;
struct dentry {
  struct qstr d_name;
} CORE;
struct path {
  struct dentry *dentry;
} CORE;
struct file {
  struct path f_path;
  struct inode *f_inode;
  void *private_data;
} CORE;
struct fdtable {
  unsigned int max_fds;
  struct file **fd;
} CORE;
struct files_struct {
  struct fdtable *fdt;
} CORE;

struct in6_addr_words {
  __u32 words[4];
};
struct sock_common {
  __u32 skc_daddr;
  __u16 skc_dport;
  __u16 skc_num;
  unsigned short skc_family;
  struct in6_addr_words skc_v6_daddr; /* struct in6_addr: 16 bytes read as they are */
} CORE;
struct sock {
  struct sock_common __sk_common;
} CORE;
struct socket {
  short type;
  struct sock *sk;
} CORE;

/* Resident pages by kind; kernel_differences.h has how they are counted. */
enum { FDR_MM_FILE, FDR_MM_ANON, FDR_MM_SWAP, FDR_MM_SHARED };
struct percpu_counter {
  __s64 count;
} CORE;
struct mm_struct {
  struct file *exe_file;
  unsigned long start_stack;
  struct percpu_counter rss_stat[4];
} CORE;
/* A struct as the kernel's is: libbpf takes an array of structs and one of numbers for two different fields, and this one for absent. */
typedef struct {
  __s64 counter;
} atomic_long_t;
struct mm_rss_stat {
  atomic_long_t count[4];
} CORE;
struct mm_struct___before_6_2 {
  struct mm_rss_stat rss_stat;
} CORE;
struct sched_info {
  unsigned long long run_delay;
} CORE;
struct thread_struct {
  unsigned long fsbase;
} CORE;
struct thread_info {
  __u32 status; /* TS_COMPAT is bit 1 (arch/x86/include/asm/thread_info.h) */
} CORE;
typedef struct {
  int counter;
} atomic_t;
struct signal_struct {
  atomic_t live;
  __u64 utime, stime; /* of threads that are gone, ns */
  int group_exit_code;
} CORE;

struct cfs_rq {
  int throttle_count; /* this queue's group, or one above it */
} CORE;
struct sched_entity {
  struct cfs_rq *cfs_rq;
} CORE;
struct task_struct {
  struct thread_info thread_info;
  void *stack;
  unsigned int __state; /* `state` before 5.14 (2f064a59a11f) */
  unsigned int flags;
  int pid, tgid;
  struct task_struct *real_parent;
  struct task_struct *group_leader;
  __u64 utime, stime;
  __u64 start_boottime;
  struct mm_struct *mm;
  char comm[16];
  struct files_struct *files;
  struct signal_struct *signal;
  struct sched_info sched_info;
  struct sched_entity se;
  int exit_code;
  struct thread_struct thread;
} CORE;
struct task_struct___before_5_14 {
  long state;
} CORE;

/* A group whose quota ran out: since 6.18 its threads leave the queue one by one, before that the queue was held back (cfs_rq). */
struct task_struct___throttled {
  bool throttled;
} CORE;

struct linux_binprm {
  const char *filename;
} CORE;

struct bpf_iter_meta;
struct bpf_iter__task {
  struct bpf_iter_meta *meta;
  struct task_struct *task;
} CORE;

#endif
