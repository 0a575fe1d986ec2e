/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a target's threads send to whom, for heartbeats made of sends; asked for port by port, else nobody pays for it. */
#ifndef FDR_SENDS_H
#define FDR_SENDS_H

#include "recorder/bpf/descriptor.h"

#define FDR_NR_WRITE 1
#define FDR_NR_WRITEV 20
#define FDR_NR_SENDTO 44
#define FDR_NR_SENDMSG 46
#define FDR_NR_SENDMMSG 307

static __always_inline int is_send(__u32 nr) {
  return nr == FDR_NR_WRITE || nr == FDR_NR_WRITEV || nr == FDR_NR_SENDTO || nr == FDR_NR_SENDMSG || nr == FDR_NR_SENDMMSG;
}

/* A call that succeeded. `pointer`: the address of a sendto, else what the second argument points to; `result`: of the call. */
int note_send(__u32 nr, __u64 descriptor, __u64 pointer, __u64 result, __u64 now);

#endif
