/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* row.h: compact unwind rows, the one layout shared by BPF and C++; sizes are asserted on both sides.
 *
 * A row says how to leave the frame of any code from its pc up to the next row's: where the canonical frame address
 * (CFA: what sp was before the call, DWARF 5, 6.4) is, and where the caller's rbp was saved. The return address is
 * always at CFA-8 (x86-64 psABI 3.2.2: `call` pushes it); code for which that does not hold has a row that says "too
 * complex". Rows of one image are sorted by pc, neighbours differ, and they cover it from the first row on: what has no
 * unwind information has rows that say so. How a row is stepped is row_step.h. Plain C: fixed widths, no pointers.
 */
#ifndef FDR_ROW_H
#define FDR_ROW_H

#ifdef __bpf__
typedef unsigned char fdr_u8;
typedef signed char fdr_s8;
typedef unsigned short fdr_u16;
typedef short fdr_s16;
typedef unsigned int fdr_u32;
typedef unsigned long long fdr_u64;
typedef long long fdr_s64;
#define FDR_ROW_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#else
#include <stdint.h>
typedef uint8_t fdr_u8;
typedef int8_t fdr_s8;
typedef uint16_t fdr_u16;
typedef int16_t fdr_s16;
typedef uint32_t fdr_u32;
typedef uint64_t fdr_u64;
typedef int64_t fdr_s64;
#define FDR_ROW_SIZE(type, size) static_assert(sizeof(type) == (size), #type)
#endif

struct fdr_row {
  fdr_u32 pc;  /* relative to the image: vaddr minus the lowest PT_LOAD's */
  fdr_s16 cfa; /* 8-byte words (frames of 256 KB exist, odd offsets do not); for some rules something else */
  fdr_s8 rbp;  /* 8-byte words from the CFA to where the caller's rbp was saved, or FDR_RBP_* */
  fdr_u8 rule; /* fdr_rule */
};
FDR_ROW_SIZE(struct fdr_row, 8);

enum { FDR_WORD = 8, FDR_CFA_MIN = -32768, FDR_CFA_MAX = 32767, FDR_RBP_SLOT_MIN = -125, FDR_RBP_SLOT_MAX = 127 };

/* Special values of fdr_row.rbp. */
enum {
  FDR_RBP_SAME = -128,   /* not touched by this function (so far), or restored: DW_CFA_same_value */
  FDR_RBP_AT_RBP = -127, /* saved where rbp points (DW_OP_breg6 0): a realigned frame, at no fixed place from the CFA */
  FDR_RBP_LOST = -126,   /* DW_CFA_undefined */
};

enum fdr_rule {
  FDR_ROW_GAP = 0,    /* no unwind information: left by the frame pointer, if it looks like one */
  FDR_ROW_RSP,        /* CFA = rsp + 8 cfa */
  FDR_ROW_RBP,        /* CFA = rbp + 8 cfa */
  FDR_ROW_AT_RBP,     /* CFA = *(rbp + 8 cfa): GCC's realigned frames keep it in a slot (DW_OP_breg6 n, deref) */
  FDR_ROW_AT_RSP,     /* CFA = *(rsp + 8 cfa) */
  FDR_ROW_BEHIND_RSP, /* CFA = *(rsp + 8 cfa) + 8: OpenSSL's assembler saves the sp behind the return address */
  FDR_ROW_PLT,     /* CFA = rsp + 8 + (rip % 16 >= cfa ? 8 : 0): lazy PLT entries push in mid-entry; ld writes this */
  FDR_ROW_SIGNAL,  /* the restorer that a handler returns to: rsp points at the kernel's ucontext, with all registers */
  FDR_ROW_END,     /* no caller: the return address is undefined (psABI 6.3: the outermost frame), or Go's top frames */
  FDR_ROW_COMPLEX, /* there is information, which does not fit a row: `cfa` is one of fdr_complex */
  FDR_ROW_FRAME,   /* CFA = rbp + 16, checked like a gap: Go code without a pcsp table */
  FDR_ROW_SWITCH,  /* CFA = rbp + 16 on another stack, above or below: Go's assembler that runs code on the g0 stack */
  FDR_ROW_GOROUTINE, /* Go's systemstack, on the g0 stack: CFA = the sp that the goroutine saved + 8; m.curg is at 8 cfa. Else as SWITCH */
  FDR_RULES
};

/* Why a rule does not fit. */
enum fdr_complex {
  FDR_COMPLEX_NONE = 0,
  FDR_COMPLEX_REGISTER,   /* the CFA is an offset from another register: r10, r13, rbx of realigned stacks, rdi */
  FDR_COMPLEX_EXPRESSION, /* the CFA is an expression of no known shape */
  FDR_COMPLEX_OFFSET,     /* too large, or not a multiple of 8 */
  FDR_COMPLEX_RETURN,     /* the return address is elsewhere than at CFA-8, or not saved at all */
  FDR_COMPLEX_RSP,        /* the caller's rsp is not the CFA */
  FDR_COMPLEX_RBP,        /* rbp is in another register, computed, or too far away */
  FDR_COMPLEX_SIGNAL,     /* a signal frame unlike the kernel's rt_sigframe */
  FDR_COMPLEX_DAMAGED,    /* the instructions do not hold together from here to the function's end */
  FDR_COMPLEXES
};

/* What is mapped at an address of a process. A table of them is sorted by start and does not overlap. Code without rows
 * (JIT, a file that cannot be read) has `count` 0, and is walked like a gap; an address in no segment belongs to no
 * known mapping.
 */
struct fdr_segment {
  fdr_u64 start, end;
  fdr_u64 bias;  /* row pc = address - bias */
  fdr_u32 first; /* index of the image's rows in the array of all rows */
  fdr_u32 count; /* of all rows of the image */
};
FDR_ROW_SIZE(struct fdr_segment, 32);

/* User addresses are below 2^56: the highest bit of a recorded frame says that it is an address where the thread was
 * interrupted (the leaf, and what a signal struck), not one behind a call. Lookups of the latter use the byte before.
 */
#define FDR_FRAME_EXACT (1ull << 63)

enum {
  FDR_MAX_FRAMES = 511,
  FDR_ROW_SEARCH_STEPS = 24,     /* binary search: 2^24 rows of one image */
  FDR_SEGMENT_SEARCH_STEPS = 13, /* and 8191 segments of one process */
};

/* A frame pointer may skip this much of the stack at most where it is all there is, in bytes. */
enum { FDR_FRAME_REACH = 4 << 20 };

/* x86-64 rt_sigframe (arch/x86/include/asm/sigframe.h): behind the restorer's address lies the ucontext, whose
 * registers begin at 40 in the order of enum REG_* (sys/ucontext.h): RBP 10, RSP 15, RIP 16.
 */
enum { FDR_SIGNAL_RBP = 120, FDR_SIGNAL_RSP = 160, FDR_SIGNAL_RIP = 168 };

/* Why a walk ended; FDR_WALK_ON: it has not. */
enum fdr_walk_end {
  FDR_WALK_ON = 0,
  FDR_WALK_ROOT,
  FDR_WALK_NO_MAPPING,
  FDR_WALK_NO_ROWS, /* a gap, and no frame pointer that looks like one */
  FDR_WALK_COMPLEX, /* the last frame's row says why: fdr_complex */
  FDR_WALK_DEEP,
  FDR_WALK_STUCK, /* the CFA did not grow */
  FDR_WALK_UNREADABLE,
  FDR_WALK_ENDS
};

#endif
