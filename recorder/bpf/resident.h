/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The resident pages of an address space, as its shared counters have them, and what was seen of them. */
#ifndef FDR_RESIDENT_H
#define FDR_RESIDENT_H

#include "recorder/bpf/maps.h"

static __always_inline __s64 resident_pages(struct mm_struct *mm, __u32 kind) {
  struct mm_struct___before_6_2 *old = (void *)mm;
  __s64 pages = 0;
  if (bpf_core_field_exists(old->rss_stat.count)) {
    bpf_core_read(&pages, sizeof pages, &old->rss_stat.count[kind & 3]);
    return pages;
  }
  switch (kind) {
    case FDR_MM_FILE: bpf_core_read(&pages, sizeof pages, &mm->rss_stat[FDR_MM_FILE].count); break;
    case FDR_MM_ANON: bpf_core_read(&pages, sizeof pages, &mm->rss_stat[FDR_MM_ANON].count); break;
    case FDR_MM_SHARED: bpf_core_read(&pages, sizeof pages, &mm->rss_stat[FDR_MM_SHARED].count); break;
  }
  return pages;
}

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
