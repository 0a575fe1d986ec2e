/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* target.h: who is to be armed, by tgid. A number alone could be somebody else's by then, so the start of the process goes with it. */
#ifndef FDR_TARGET_H
#define FDR_TARGET_H

#include "recorder/window/wire.h"

#define FDR_START_TICK_NS 10000000ull /* /proc/PID/stat counts in USER_HZ, 100 everywhere but on alpha and ia64 */

struct fdr_target {
  fdr_u64 start_boottime; /* as /proc says it, so of the exact start the tick; 0: whoever has the number */
  fdr_u32 target;
  fdr_u32 mute;
};
FDR_ASSERT_SIZE(struct fdr_target, 16);

#endif
