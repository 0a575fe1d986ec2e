/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Definitions of the maps and knobs of maps.h. */
#include "recorder/bpf/failing.h"
#include "recorder/bpf/heap.h"
#include "recorder/bpf/walk.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct stacks_map stacks SEC(".maps");
struct stalls_map stalls SEC(".maps");
struct syscalls_map syscalls SEC(".maps");
struct slow_map slow SEC(".maps");
struct failed_map failed SEC(".maps");
struct life_map life SEC(".maps");
struct growth_map growth SEC(".maps");
struct bystanders_map bystanders SEC(".maps");
struct cursors_map cursors SEC(".maps");
struct threads_map threads SEC(".maps");
struct parked_map parked SEC(".maps");
struct summary_map summary SEC(".maps");
struct cpus_map cpus SEC(".maps");
struct canaries_map canaries SEC(".maps");
struct rows_map rows SEC(".maps");
struct spaces_map spaces SEC(".maps");
struct walks_map walks SEC(".maps");
struct control_map control SEC(".maps");
struct thread_slots_map thread_slots SEC(".maps");
struct slots_by_address_map slots_by_address SEC(".maps");
struct free_slots_map free_slots SEC(".maps");
struct targets_map targets SEC(".maps");
struct errors_map errors SEC(".maps");
struct growth_accounts_map growth_accounts SEC(".maps");
struct failing_map failing SEC(".maps");
struct failing_scratch_map failing_scratch SEC(".maps");
struct sends_map sends SEC(".maps");
struct bystander_ticks_map bystander_ticks SEC(".maps");
struct heap_blocks_map heap_blocks SEC(".maps");
struct heap_stacks_map heap_stacks SEC(".maps");
struct heap_counts_map heap_counts SEC(".maps");
struct heap_calls_map heap_calls SEC(".maps");
struct heap_scratches_map heap_scratches SEC(".maps");

const volatile __u32 chunks_per_slot[FDR_RINGS] = {1, 1, 1, 1, 1, 1, 1, 1};
const volatile __u64 ring_refill_per_ms[FDR_RINGS] = {0};
const volatile __u32 slot_count = 1;
const volatile __u64 off_cpu_ns = 1000000;
const volatile __u64 slow_ns = 10000000;
const volatile __s64 counter_batch = 64;
const volatile __u32 host_tier = 1;
const volatile __u32 recorder_tgid = 0;
const volatile __u32 failing_shift = 36;
const volatile __u32 send_port_count = 0;
const volatile __u16 send_ports[FDR_SEND_PORTS] = {0};
const volatile __u64 heap_gaps[FDR_HEAP_GAPS] = {0};
const volatile __u32 raw_syscalls = 1;
const volatile __u32 growth_by_faults = 0;
const volatile __u32 has_typed_task = 1;
const volatile __u32 has_task_storage = 1;
const volatile __u32 has_task_pt_regs = 1;
const volatile __u8 call_traits[FDR_SYSCALLS_MAX] = {0};
