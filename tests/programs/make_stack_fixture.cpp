// Makes the stack samples of tests/golden/unwind: runs itself as a small workload under ptrace, steps through it instruction by
// instruction, and writes registers and the whole used stack at chosen steps: prologues, epilogues, inside libc, the vDSO, a signal
// handler, a second thread. Since it sees every call and return, it also knows the true stack, by a shadow of it, and writes that: the
// tests need no other unwinder for an oracle. Not part of the product; make_stack_fixture.sh builds it and packs what it writes.
//
//   make_stack_fixture OUT_DIR   writes samples, maps, vdso there, libc and the loader reduced to what unwinding reads
//   make_stack_fixture run       the workload
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

// --- the workload: nothing of libstdc++, so that the fixture needs libc only ---

static volatile long sink;

NOINLINE static long many_registers(long a, long b, long c, long d, long e, long f) {
  long x = a * b, y = c * d, z = e * f;
  for (int i = 0; i < 2; ++i) {
    sink = sink + x ^ y;
    x += z, y -= a, z ^= b + c + d + e + f;
  }
  return x + y + z + a + b + c + d + e + f;
}

NOINLINE static long recurse(int depth, long value) {
  if (depth == 0) return many_registers(value, 2, 3, 4, 5, 6);
  const long below = recurse(depth - 1, value + depth);
  return below + many_registers(below, value, depth, 1, 2, 3);
}

NOINLINE static long on_a_moving_stack(int n) {
  volatile char* room = static_cast<volatile char*>(__builtin_alloca(static_cast<size_t>(n)));
  for (int i = 0; i < n; i += 16) room[i] = static_cast<char>(i);
  return recurse(2, room[0]);
}

NOINLINE static long realigned(int n) {
  alignas(64) volatile long lines[16];
  for (int i = 0; i < 16; ++i) lines[i] = n;
  return recurse(1, lines[3]) + lines[5];
}

NOINLINE static int compare(const void* a, const void* b) {
  const long x = *static_cast<const long*>(a), y = *static_cast<const long*>(b);
  sink = sink + recurse(1, x);
  return x < y ? -1 : x > y;
}

NOINLINE static void on_signal(int) { sink = sink + recurse(2, 7); }

NOINLINE static void* in_a_thread(void*) {
  sink = sink + recurse(3, 1) + on_a_moving_stack(64);
  return nullptr;
}

NOINLINE static int workload() {
  signal(SIGUSR1, on_signal);
  pthread_t thread;
  raise(SIGUSR2);  // from here on samples are taken
  sink = sink + recurse(3, 5) + on_a_moving_stack(200) + realigned(3);
  long values[] = {3, 1, 2};
  qsort(values, 3, sizeof(long), compare);
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  raise(SIGUSR1);
  pthread_create(&thread, nullptr, in_a_thread, nullptr);
  pthread_join(thread, nullptr);
  return 0;
}

// --- the tracer ---

static void die(const char* what) {
  perror(what);
  exit(1);
}

static void write_file(const char* name, const void* bytes, size_t size) {
  FILE* file = fopen(name, "wb");
  if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) die(name);
}

struct Range {
  uint64_t start, end;
  char path[256];
};
static Range ranges[256];
static int range_count;

static const Range* range_of(uint64_t address) {
  for (int i = 0; i < range_count; ++i)
    if (address >= ranges[i].start && address < ranges[i].end) return &ranges[i];
  return nullptr;
}

// Reads the maps; with a name given, writes them there with paths cut to their last part.
static void read_maps(pid_t pid, const char* name) {
  char line[512], path[64];
  snprintf(path, sizeof path, "/proc/%d/maps", pid);
  FILE* maps = fopen(path, "r");
  FILE* out = name ? fopen(name, "w") : nullptr;
  range_count = 0;
  while (maps && fgets(line, sizeof line, maps) && range_count < 256) {
    Range& range = ranges[range_count];
    unsigned long start, end, offset;
    char permissions[8] = "";
    range.path[0] = 0;
    if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %255s", &start, &end, permissions, &offset, range.path) < 4) continue;
    range.start = start, range.end = end;
    ++range_count;
    const char* slash = strrchr(range.path, '/');
    if (out) fprintf(out, "%lx-%lx %s %08lx 00:00 0 %s%s\n", start, end, permissions, offset, slash ? "/fixture" : "", slash ? slash : range.path);
  }
  if (maps) fclose(maps);
  if (out) fclose(out);
}

static size_t read_target(pid_t pid, uint64_t address, void* to, size_t size) {
  iovec local{to, size}, remote{reinterpret_cast<void*>(address), size};
  const ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
  return got > 0 ? static_cast<size_t>(got) : 0;
}

// Keeps of an ELF file what unwinding reads: headers, notes, .eh_frame_hdr, .eh_frame and the code of the signal return; the rest
// becomes zero and is packed to nothing.
static void write_reduced(const char* path, const char* name) {
  const int fd = open(path, O_RDONLY);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0) die(path);
  const size_t size = static_cast<size_t>(status.st_size);
  uint8_t* in = static_cast<uint8_t*>(mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0));
  uint8_t* out = static_cast<uint8_t*>(calloc(1, size));
  Elf64_Ehdr header;
  memcpy(&header, in, sizeof header);
  const auto keep = [&](uint64_t from, uint64_t length) { memcpy(out + from, in + from, length); };
  keep(header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr));
  const Elf64_Phdr* program = reinterpret_cast<const Elf64_Phdr*>(in + header.e_phoff);
  uint64_t last = 0;
  for (int i = 0; i < header.e_phnum; ++i) {
    if (program[i].p_type == PT_NOTE || program[i].p_type == PT_GNU_EH_FRAME) keep(program[i].p_offset, program[i].p_filesz);
    if (program[i].p_type == PT_LOAD && program[i].p_offset + program[i].p_filesz > last) last = program[i].p_offset + program[i].p_filesz;
  }
  const Elf64_Shdr* sections = reinterpret_cast<const Elf64_Shdr*>(in + header.e_shoff);
  const char* names = reinterpret_cast<const char*>(in + sections[header.e_shstrndx].sh_offset);
  for (int i = 0; i < header.e_shnum; ++i)
    if (strcmp(names + sections[i].sh_name, ".eh_frame") == 0) keep(sections[i].sh_offset, sections[i].sh_size);
  static const uint8_t sigreturn[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
  for (size_t i = 0; i + sizeof sigreturn < size; ++i)
    if (memcmp(in + i, sigreturn, sizeof sigreturn) == 0) keep(i, 16);
  header.e_shnum = 0, header.e_shoff = 0, header.e_shstrndx = 0;
  memcpy(out, &header, sizeof header);
  write_file(name, out, last);
}

// The true stack of one thread, outermost first: return addresses by the slot they lie in.
struct Shadow {
  struct Entry {
    uint64_t slot, address;
  };
  pid_t tid;
  int depth;
  uint64_t ip, sp;  // before the step
  bool signalled;   // a signal was passed on with the step
  Entry entries[512];
};
static Shadow shadows[8];

static Shadow& shadow_of(pid_t tid) {
  int i = 0;
  while (i < 7 && shadows[i].tid != 0 && shadows[i].tid != tid) ++i;
  shadows[i].tid = tid;
  return shadows[i];
}

static void follow(Shadow& shadow, const user_regs_struct& regs) {
  while (shadow.depth > 0 && shadow.entries[shadow.depth - 1].slot < regs.rsp) --shadow.depth;
  uint64_t top = 0;
  read_target(shadow.tid, regs.rsp, &top, 8);
  const bool jumped = regs.rip - shadow.ip > 15;
  if (shadow.signalled && regs.rsp < shadow.sp && jumped) {
    // The handler returns to the restorer, and that to where the signal struck.
    shadow.entries[shadow.depth++] = {regs.rsp + 8, shadow.ip};
    shadow.entries[shadow.depth++] = {regs.rsp, top};
    shadow.signalled = false;
  } else if (regs.rsp == shadow.sp - 8 && top - shadow.ip >= 2 && top - shadow.ip <= 8 && regs.rip != top) {
    shadow.entries[shadow.depth++] = {regs.rsp, top};
  }
  shadow.ip = regs.rip;
  shadow.sp = regs.rsp;
}

struct Sample {
  uint64_t ip, sp, bp, bx, r12, r13, r14, r15, size, depth;
};

static void take_sample(const Shadow& shadow, const user_regs_struct& regs, FILE* out) {
  const Range* stack = range_of(regs.rsp);
  if (!stack) return;
  // Of a thread's stack mapping the top holds the thread's own data; it packs well.
  static uint8_t bytes[1 << 20];
  const size_t size = read_target(shadow.tid, regs.rsp, bytes, stack->end - regs.rsp < sizeof bytes ? stack->end - regs.rsp : sizeof bytes);
  const Sample sample{regs.rip, regs.rsp, regs.rbp, regs.rbx, regs.r12, regs.r13, regs.r14, regs.r15, size,
                      static_cast<uint64_t>(shadow.depth)};
  fwrite(&sample, sizeof sample, 1, out);
  fwrite(bytes, 1, size, out);
  for (int i = shadow.depth; i > 0; --i) fwrite(&shadow.entries[i - 1].address, 8, 1, out);
}

static bool ends_a_function(pid_t tid, uint64_t ip) {
  uint8_t code[2] = {};
  read_target(tid, ip, code, 2);
  if (code[0] == 0x41) code[0] = code[1];  // pop %r8..%r15
  return code[0] == 0xc3 || code[0] == 0xc9 || (code[0] >= 0x58 && code[0] <= 0x5f);
}

static void trace(pid_t child) {
  FILE* out = fopen("samples", "wb");
  bool on = false;
  unsigned long steps = 0, ends = 0;
  int status;
  pid_t tid;
  while ((tid = waitpid(-1, &status, __WALL)) > 0) {
    if (!WIFSTOPPED(status)) continue;
    int pass_on = WSTOPSIG(status) == SIGTRAP || WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status);
    if (pass_on == SIGUSR2) {
      on = true, pass_on = 0;
      read_maps(child, nullptr);
    }
    if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_CLONE << 8))) read_maps(child, "maps");
    user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, tid, nullptr, &regs) != 0) continue;
    Shadow& shadow = shadow_of(tid);
    follow(shadow, regs);
    if (pass_on != 0) shadow.signalled = true;
    if (on && pass_on == 0) {
      const Range* code = range_of(regs.rip);
      const bool own = code && strstr(code->path, "program");
      const bool vdso = code && strcmp(code->path, "[vdso]") == 0;
      if (++steps % 29 == 0 || (vdso && steps % 5 == 0) || (own && ends_a_function(tid, regs.rip) && ++ends % 7 == 0)) take_sample(shadow, regs, out);
    }
    ptrace(PTRACE_SINGLESTEP, tid, nullptr, reinterpret_cast<void*>(static_cast<long>(pass_on)));
  }
  fclose(out);
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "run") == 0) return workload();
  if (argc != 2 || chdir(argv[1]) != 0) die("usage: make_stack_fixture OUT_DIR");
  const pid_t child = fork();
  if (child == 0) {
    personality(ADDR_NO_RANDOMIZE);
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    char name[] = "./program", mode[] = "run";
    char* arguments[] = {name, mode, nullptr};
    char* environment[] = {nullptr};
    execve(name, arguments, environment);
    _exit(127);
  }
  int status;
  waitpid(child, &status, 0);
  ptrace(PTRACE_SETOPTIONS, child, nullptr, reinterpret_cast<void*>(PTRACE_O_TRACECLONE));
  ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr);
  trace(child);

  // This process has the same libc and the same vDSO as its child.
  read_maps(getpid(), nullptr);
  bool libc_done = false, loader_done = false;
  for (int i = 0; i < range_count; ++i) {
    if (strcmp(ranges[i].path, "[vdso]") == 0) write_file("vdso", reinterpret_cast<void*>(ranges[i].start), ranges[i].end - ranges[i].start);
    if (strstr(ranges[i].path, "/libc.so") && !libc_done) write_reduced(ranges[i].path, "libc.so.6"), libc_done = true;
    if (strstr(ranges[i].path, "/ld-linux") && !loader_done) write_reduced(ranges[i].path, "ld.so"), loader_done = true;
  }
  return 0;
}
