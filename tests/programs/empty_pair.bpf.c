/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A pair of empty programs at the entry and the exit of every system call: the price of the hooks alone, which
 * scripts/bench measures everything else against. No context is read, so no kernel types are needed.
 */
#define SEC(name) __attribute__((section(name), used))

SEC("tp_btf/sys_enter")
int empty_enter(void *context) {
  (void)context;
  return 0;
}

SEC("tp_btf/sys_exit")
int empty_exit(void *context) {
  (void)context;
  return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
