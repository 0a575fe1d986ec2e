/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The peers a target sends to: of a connected socket its own, else the address that the call was given. */
#include "recorder/bpf/sends.h"

#define DATAGRAM 2 /* SOCK_DGRAM: the only type whose calls may name another peer than the socket's */
#define MESSAGES 8 /* of one sendmmsg */
#define MMSGHDR 64 /* sizeof(struct mmsghdr): msghdr, result, padding */

static __always_inline int is_wanted(__u16 port) {
  for (__u32 i = 0; i < FDR_SEND_PORTS; i++) {
    if (i >= send_port_count) return 0;
    if (!send_ports[i] || send_ports[i] == port) return 1;
  }
  return 0;
}

static __always_inline void count_send(struct fdr_send_key *key, __u64 now) {
  if (!key->port || !is_wanted(key->port)) return;
  struct fdr_send *known = bpf_map_lookup_elem(&sends, key);
  if (known) {
    known->last_ns = now;
    __sync_fetch_and_add(&known->count, 1);
    return;
  }
  struct fdr_send first = {.last_ns = now, .count = 1};
  bpf_map_update_elem(&sends, key, &first, BPF_ANY);
}

/* To the address at `name`, where there is one, instead of the socket's peer. */
static __always_inline void send_to(struct fdr_send_key *key, __u64 name, __u64 now) {
  struct user_address address = {};
  if (!name || bpf_probe_read_user(&address, sizeof address, (void *)name)) {
    count_send(key, now);
    return;
  }
  struct fdr_send_key other = {.tgid = key->tgid, .family = address.family, .port = __builtin_bswap16(address.port)};
  if (address.family != FDR_AF_INET && address.family != FDR_AF_INET6) return;
  take_address(&address, other.address);
  count_send(&other, now);
}

__noinline int note_send(__u32 nr, __u64 descriptor, __u64 pointer, __u64 result, __u64 now) {
  struct task_struct *task = current_task();
  struct file *file = file_of(task, descriptor);
  if (!file) return 0;
  struct socket *socket = socket_of(file);
  if (!socket) return 0;
  struct sock *sock = BPF_CORE_READ(socket, sk);
  if (!sock) return 0;
  struct fdr_send_key key = {.tgid = READ(task, tgid)};
  key.family = BPF_CORE_READ(sock, __sk_common.skc_family);
  if (key.family != FDR_AF_INET && key.family != FDR_AF_INET6) return 0;
  read_peer(sock, key.family, &key.port, key.address);
  const int datagram = BPF_CORE_READ(socket, type) == DATAGRAM;
  if (nr == FDR_NR_SENDMMSG) {
    for (__u32 i = 0; i < MESSAGES; i++) {
      __u64 name = 0;
      if (i >= result) break;
      if (datagram) bpf_probe_read_user(&name, sizeof name, (void *)(pointer + i * MMSGHDR)); /* msg_name is its first member */
      send_to(&key, name, now);
    }
    return 0;
  }
  __u64 name = 0;
  if (datagram && nr == FDR_NR_SENDTO) name = pointer;
  if (datagram && nr == FDR_NR_SENDMSG) bpf_probe_read_user(&name, sizeof name, (void *)pointer);
  send_to(&key, name, now);
  return 0;
}
