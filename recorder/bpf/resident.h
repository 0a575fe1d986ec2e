/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What was seen of the resident pages of an address space. */
#ifndef FDR_RESIDENT_H
#define FDR_RESIDENT_H

#include "recorder/bpf/maps.h"

/* What is resident in an address space now is where its growth begins. */
static __always_inline void begin_growth(struct mm_struct *mm) {
  const __u64 key = (__u64)mm;
  struct fdr_growth_account account = {};
  account.pages[FDR_MM_FILE] = resident_pages(mm, FDR_MM_FILE);
  account.pages[FDR_MM_ANON] = resident_pages(mm, FDR_MM_ANON);
  account.pages[FDR_MM_SHARED] = resident_pages(mm, FDR_MM_SHARED);
  bpf_map_update_elem(&growth_accounts, &key, &account, BPF_ANY);
}

#endif
