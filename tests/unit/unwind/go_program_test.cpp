// A real Go program, built here where there is a Go toolchain: its rows against the DWARF that Go writes, and its
// threads stopped at random while it works.
#include <doctest/doctest.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/unit/unwind/row_tables.hpp"
#include "unwind/go_pclntab.hpp"
#include "unwind/gopclntab_rows.hpp"

using namespace fdr;

namespace {

constexpr const char* kSource = R"(package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
	"time"
)

func recurse(n int) int {
	if n == 0 {
		return len(fmt.Sprint(time.Now()))
	}
	return recurse(n-1) + n
}

func work(out chan<- int) {
	for {
		values := make([]int, 2000)
		for i := range values {
			values[i] = i * 7919 % 1000
		}
		sort.Slice(values, func(a, b int) bool { return values[a] < values[b] })
		out <- recurse(40) + len(strings.Repeat("x", values[9]+100000))
	}
}

func main() {
	out := make(chan int)
	go work(out)
	go work(out)
	os.Stdout.WriteString("ready\n")
	for range out {
	}
}
)";

// The program in a directory of its own; empty where there is no Go.
struct GoProgram {
  std::filesystem::path directory, program;

  GoProgram() {
    std::string name = (std::filesystem::temp_directory_path() / "fdr-go-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()));
    directory = name;
    std::ofstream(directory / "main.go") << kSource;
    const std::string command = "cd '" + name + "' && command -v go >/dev/null && HOME='" + name + "' GOCACHE='" +
                                name +
                                "/cache' GO111MODULE=off GOFLAGS= CGO_ENABLED=0 "
                                "go build -o program main.go >build.log 2>&1";
    if (std::system(command.c_str()) == 0) program = directory / "program";
  }
  ~GoProgram() {
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  }
};

// A child that runs the program; killed with this.
struct Child {
  pid_t pid = -1;
  std::set<pid_t> seized;
  explicit Child(const std::filesystem::path& program) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    pid = ::fork();
    if (pid == 0) {
      ::dup2(ends[1], 1);
      ::execl(program.c_str(), program.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    char ready = 0;
    const ssize_t got = ::read(ends[0], &ready, 1);
    ::close(ends[0]);
    REQUIRE(got == 1);
  }
  ~Child() {
    ::kill(pid, SIGKILL);
    for (const pid_t thread : seized)
      if (thread != pid) ::waitpid(thread, nullptr, __WALL);
    ::waitpid(pid, nullptr, __WALL);
  }
};

std::vector<pid_t> threads_of(pid_t pid) {
  std::vector<pid_t> threads;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task"))
    threads.push_back(static_cast<pid_t>(std::stol(entry.path().filename().string())));
  return threads;
}

// Waits for the stop that was asked for; signals on the way (Go preempts its threads by them) are passed on.
bool interrupt(pid_t thread) {
  if (::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) != 0) return false;
  for (int status = 0; ::waitpid(thread, &status, __WALL) == thread && WIFSTOPPED(status);) {
    if (status >> 16 == PTRACE_EVENT_STOP) return true;
    ::ptrace(PTRACE_CONT, thread, nullptr, reinterpret_cast<void*>(static_cast<long>(WSTOPSIG(status))));
  }
  return false;
}

// Where systemstack is, and whether the code before a return address calls it.
struct SystemStack {
  std::uint64_t begin = 0, end = 0;
  explicit SystemStack(const ElfImage& image) {
    std::string problem;
    const auto table = GoPclntab::of(image, &problem);
    for (std::uint64_t i = 0; table && i < table->functions(); ++i)
      if (const auto function = table->function(i); function && (function->name == "runtime.systemstack" || function->name == "runtime.systemstack.abi0"))
        begin = function->entry, end = function->end;
  }
  bool holds(std::uint64_t frame) const { return (frame & ~FDR_FRAME_EXACT) > begin && (frame & ~FDR_FRAME_EXACT) <= end; }
  // call rel32 is e8 and the distance from behind it.
  bool is_called_before(std::uint64_t address, const ElfImage& image) const {
    const auto offset = image.offset_of_vaddr(address - 5);
    if (!offset || *offset + 5 > image.bytes().size() || image.bytes()[*offset] != 0xe8) return false;
    std::int32_t distance = 0;
    std::memcpy(&distance, image.bytes().data() + *offset + 1, sizeof distance);
    return address + static_cast<std::uint64_t>(std::int64_t{distance}) == begin;
  }
};

}  // namespace

TEST_CASE("a Go program: rows agree with its DWARF, and stacks taken at random reach a root") {
  const GoProgram go;
  if (go.program.empty()) {
    MESSAGE("skipped: no Go toolchain to build a program with");
    return;
  }
  std::string problem;
  const auto image = ElfImage::open(go.program.string(), &problem);
  REQUIRE_MESSAGE(image, problem);
  const ModuleRows built = rows_of(*image);
  CHECK(built.has_go);
  CHECK(built.reason == "");
  CHECK(built.refused == 0);
  REQUIRE(built.rows.size() > 3000);

  SUBCASE("the CFA of every row") {
    const int fd = ::open(go.program.c_str(), O_RDONLY | O_CLOEXEC);
    Dwarf* dwarf = dwarf_begin(fd, DWARF_C_READ);
    Dwarf_CFI* cfi = dwarf ? dwarf_getcfi(dwarf) : nullptr;
    REQUIRE(cfi);
    std::size_t compared = 0, different = 0;
    for (std::size_t i = 0; i + 1 < built.rows.size(); ++i) {
      const fdr_row& row = built.rows[i];
      Dwarf_Frame* frame = nullptr;
      if (row.rule != FDR_ROW_RSP || dwarf_cfi_addrframe(cfi, built.base + row.pc, &frame) != 0) continue;
      Dwarf_Op* ops = nullptr;
      std::size_t count = 0;
      if (dwarf_frame_cfa(frame, &ops, &count) == 0 && count == 1) {
        ++compared;
        const std::int64_t offset = ops[0].atom == DW_OP_bregx ? static_cast<std::int64_t>(ops[0].number2)
                                                               : static_cast<std::int64_t>(ops[0].number);
        different += offset != row.cfa * FDR_WORD;
      }
      std::free(frame);
    }
    dwarf_end(dwarf);
    ::close(fd);
    MESSAGE(compared << " rows compared, " << different << " different");
    CHECK(compared > 3000);
    CHECK(different == 0);
  }

  SUBCASE("its threads, stopped at random") {
    Child child(go.program);
    std::ifstream maps("/proc/" + std::to_string(child.pid) + "/maps");
    std::stringstream text;
    text << maps.rdbuf();
    ModuleFiles files;
    const test::RowTables tables(parse_maps(text.str()), files);
    const auto read = [&](std::uint64_t address, std::uint64_t* value) {
      const iovec to{value, 8}, from{reinterpret_cast<void*>(address), 8};
      return ::process_vm_readv(child.pid, &to, 1, &from, 1, 0) == 8;
    };
    const SystemStack systemstack(*image);
    REQUIRE(systemstack.end > systemstack.begin);
    std::size_t walks = 0, frames_in_all = 0, switches = 0, called = 0;
    std::array<std::size_t, FDR_WALK_ENDS> ends{};
    for (int round = 0; round < 300; ++round) {
      for (const pid_t thread : threads_of(child.pid)) {
        if (!child.seized.contains(thread)) {
          if (::ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0) continue;
          child.seized.insert(thread);
        }
        user_regs_struct now{};
        if (!interrupt(thread)) continue;
        if (::ptrace(PTRACE_GETREGS, thread, nullptr, &now) == 0) {
          std::array<std::uint64_t, FDR_MAX_FRAMES> frames;
          const RowWalk walked =
              walk_rows(tables.view(), UserRegisters{.ip = now.rip, .sp = now.rsp, .bp = now.rbp, .thread = now.fs_base}, read, frames);
          ++walks, ++ends[walked.end];
          frames_in_all += walked.frames;
          for (std::size_t i = 0; i + 1 < walked.frames; ++i) {
            if (!systemstack.holds(frames[i])) continue;
            ++switches;
            called += systemstack.is_called_before(frames[i + 1], *image);
          }
        }
        ::ptrace(PTRACE_CONT, thread, nullptr, nullptr);
      }
      ::usleep(300);  // the sampling interval: to be somewhere else
    }
    if (walks == 0) {
      MESSAGE("skipped: ptrace is not allowed here");
      return;
    }
    MESSAGE(walks << " walks, " << ends[FDR_WALK_ROOT] << " to the root, " << frames_in_all / walks << " frames each");
    CHECK(ends[FDR_WALK_ROOT] * 100 >= walks * 98);
    MESSAGE(switches << " frames of systemstack, " << called << " of them behind the call that led there");
    CHECK(switches > 0);
    // One that is stopped in the midst of the switch itself may be on neither stack.
    CHECK(called * 100 >= switches * 95);
  }
}
