/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is behind a descriptor of the current task, and the peers of its sockets. The tables may change under us: reads are
 * fault-checked copies.
 */
#ifndef FDR_DESCRIPTOR_H
#define FDR_DESCRIPTOR_H

#include "recorder/bpf/maps.h"

#define FDR_AF_INET 2
#define FDR_AF_INET6 10

/* struct sockaddr_in and _in6 begin alike; the latter's address lies behind its flow label. */
struct user_address {
  __u16 family, port;
  __u8 in[4], in6[16];
};

static __always_inline struct file *file_of(struct task_struct *task, __u64 descriptor) {
  struct fdtable *table = BPF_CORE_READ(task, files, fdt);
  if (!table || descriptor >= BPF_CORE_READ(table, max_fds)) return 0;
  struct file **entries = BPF_CORE_READ(table, fd);
  struct file *file = 0;
  if (bpf_probe_read_kernel(&file, sizeof file, entries + descriptor)) return 0;
  return file;
}

/* 0 where the file is no socket. */
static __always_inline struct socket *socket_of(struct file *file) {
  if ((BPF_CORE_READ(file, f_inode, i_mode) & 0170000) != 0140000) return 0;
  return BPF_CORE_READ(file, private_data);
}

/* The peer a socket is connected to; port 0 where to none. */
static __always_inline void read_peer(struct sock *sock, __u16 family, __u16 *port, __u8 *address) {
  *port = __builtin_bswap16(BPF_CORE_READ(sock, __sk_common.skc_dport));
  __builtin_memset(address, 0, 16);
  if (family == FDR_AF_INET6) bpf_probe_read_kernel(address, 16, __builtin_preserve_access_index(&sock->__sk_common.skc_v6_daddr));
  else if (family == FDR_AF_INET) bpf_probe_read_kernel(address, 4, __builtin_preserve_access_index(&sock->__sk_common.skc_daddr));
}

static __always_inline void take_address(const struct user_address *from, __u8 *address) {
  if (from->family == FDR_AF_INET) __builtin_memcpy(address, from->in, 4);
  else if (from->family == FDR_AF_INET6) __builtin_memcpy(address, from->in6, 16);
}

#endif
