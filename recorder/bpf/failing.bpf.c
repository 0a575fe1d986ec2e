/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The account of failed calls: how many, of how many distinct paths, who asks for whom. Paths are taken as the program wrote them.
 *
 * Counts are exact but for what two CPUs do to one entry in the moment its part changes epochs; registers may lose a race, which
 * a sketch bears.
 */
#include "recorder/bpf/failing.h"

#define FNV_BASIS 0xcbf29ce484222325ull
#define FNV_PRIME 0x100000001b3ull

/* Hashes the path in the scratch: all of it, and up to its last slash. Verified by itself, once. */
__noinline int digest_path(__u32 length) {
  __u32 zero = 0;
  struct failing_scratch *scratch = bpf_map_lookup_elem(&failing_scratch, &zero);
  if (!scratch) return 0;
  __u64 hash = FNV_BASIS, directory = 0;
  __u32 directory_length = 0;
  for (__u32 i = 0; i < FDR_FAILING_PATH; i++) {
    if (i >= length) break;
    const __u8 c = scratch->first.path[i];
    hash = (hash ^ c) * FNV_PRIME;
    if (c == '/') {
      directory = hash;
      directory_length = i + 1;
    }
  }
  scratch->key.directory = directory;
  scratch->first.directory_length = directory_length;
  scratch->path_hash = hash;
  return 0;
}

/* fmix64 of MurmurHash3: FNV alone spreads the last bytes of a name too little for a sketch. */
static __always_inline __u64 spread(__u64 hash) {
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdull;
  hash ^= hash >> 33;
  hash *= 0xc4ceb9fe1a85ec53ull;
  return hash ^ hash >> 33;
}

/* One more than the number of zero bits at the end, at most 32. */
static __always_inline __u32 rank_of(__u32 bits) {
  __u32 rank = 1;
  if (!(bits & 0xffff)) { rank += 16; bits >>= 16; }
  if (!(bits & 0xff)) { rank += 8; bits >>= 8; }
  if (!(bits & 0xf)) { rank += 4; bits >>= 4; }
  if (!(bits & 3)) { rank += 2; bits >>= 2; }
  if (!(bits & 1)) rank += 1;
  return rank;
}

static __always_inline void count_path(struct fdr_failing *entry, __u64 path_hash, __u64 now) {
  const __u32 epoch = (__u32)(now >> failing_shift);
  struct fdr_failing_part *part = &entry->parts[epoch & 1];
  if (part->epoch != epoch) {
    part->epoch = epoch;
    part->calls = 0;
    __builtin_memset(part->registers, 0, sizeof part->registers);
  }
  __sync_fetch_and_add(&part->calls, 1);
  const __u64 hash = spread(path_hash);
  const __u32 place = hash & (FDR_SKETCH - 1);
  const __u8 rank = rank_of((__u32)(hash >> 32));
  if (part->registers[place] < rank) part->registers[place] = rank;
}

static __always_inline void name_ancestors(struct fdr_failing *entry, struct task_struct *task) {
  struct task_struct *at = BPF_CORE_READ(task, real_parent);
#pragma unroll
  for (__u32 i = 0; i < FDR_ANCESTORS; i++) {
    entry->ancestors[i][0] = 0;
    if (!at || BPF_CORE_READ(at, tgid) <= 0) continue;
    struct task_struct *leader = BPF_CORE_READ(at, group_leader);
    bpf_core_read(entry->ancestors[i], sizeof entry->ancestors[i], &leader->comm);
    at = BPF_CORE_READ(leader, real_parent);
  }
}

__noinline int note_failing(__u32 nr, __u32 error, __u64 path, __u64 now, __u32 of_target) {
  struct task_struct *task = current_task();
  __u32 zero = 0;
  struct failing_scratch *scratch = bpf_map_lookup_elem(&failing_scratch, &zero);
  if (!scratch) return 0;
  struct fdr_failing *first = &scratch->first;
  long length = path ? bpf_probe_read_user_str(first->path, sizeof first->path, (void *)path) : 0;
  if (length < 1) {
    first->path[0] = 0;
    length = 1;
  }
  first->path_length = (__u32)length - 1;
  digest_path((__u32)length - 1);
  scratch->key.nr = (__u16)nr;
  scratch->key.error = (__u16)error;
  scratch->key.spare = 0;
  struct task_struct *leader = READ(task, group_leader);
  __builtin_memset(scratch->key.comm, 0, sizeof scratch->key.comm);
  bpf_probe_read_kernel_str(scratch->key.comm, sizeof scratch->key.comm, leader->comm);
  struct fdr_failing *entry = bpf_map_lookup_elem(&failing, &scratch->key);
  if (!entry) {
    first->first_ns = now;
    first->of_target = of_target;
    first->parts[0].calls = first->parts[1].calls = 0;
    first->parts[0].epoch = first->parts[1].epoch = 0xffffffff; /* of no time */
    name_ancestors(first, task);
    bpf_map_update_elem(&failing, &scratch->key, first, BPF_NOEXIST);
    entry = bpf_map_lookup_elem(&failing, &scratch->key);
    if (!entry) return 0;
  }
  entry->last_ns = now;
  entry->tgid = READ(task, tgid);
  count_path(entry, scratch->path_hash, now);
  return 0;
}
