/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* canary.h: per CPU slot, for how long the clock tick of a busy CPU stayed out: written by on_clock, read by metrics/standstill.
 *
 * A tick that is late on a CPU that never idled in between means that the CPU ran with interrupts off, or did not run at all (stolen, or
 * the whole guest paused). What user space is not given does not show here: recorder.lateness says that. Times are CLOCK_MONOTONIC ns.
 */
#ifndef FDR_CANARY_H
#define FDR_CANARY_H

#include "recorder/window/wire.h"

struct fdr_canary {
  fdr_u64 last_ns;       /* the newest tick that found the CPU busy */
  fdr_u64 idle_ns;       /* the CPU's idle time by then: another value at the next tick, and nothing can be said */
  fdr_u64 longest_ns[2]; /* between two such ticks, by the parity of the epoch (ns >> 30) in which the later one came */
  fdr_u32 epoch[2];
  fdr_u64 spare[3];
};
FDR_ASSERT_SIZE(struct fdr_canary, 64); /* a cache line: CPUs write side by side */

#endif
