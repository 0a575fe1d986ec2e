// What is fuzzed: one function for each parser of a stranger's bytes. It must come back in moderate time and memory, whatever the
// bytes, and what it returns must keep the promises of its header: `require` ends the program where one is broken.
//
// libFuzzer drives one target (libfuzzer.cpp, the preset fuzz); replay.cpp runs all of them over corpus/TARGET/* in ordinary builds.
// An Error is an answer, and is caught in the target.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace fdr::fuzz {

using Bytes = std::span<const std::uint8_t>;

void elf_image(Bytes bytes);    // a whole file: segments, sections, rows, search table, linkage stubs
void call_frames(Bytes bytes);  // .eh_frame of a sound image
void pclntab(Bytes bytes);      // Go's table in a sound image
void names(Bytes bytes);        // a symbol to demangle; a line of maps
void perf_map(Bytes bytes);     // what a JIT compiler tells of its code
void trace(Bytes bytes);        // trace.pftrace, and every part shown of what it gives
void manifest(Bytes bytes);     // manifest.json
void modules(Bytes bytes);      // modules.json
void history(Bytes bytes);      // history.fdrh, and what is in one chunk of it
void expression(Bytes bytes);   // a rule's condition
void config(Bytes bytes);       // a TOML file

struct Target {
  std::string_view name;
  void (*run)(Bytes);
};

inline constexpr std::array kTargets = {
    Target{"elf_image", elf_image},   Target{"call_frames", call_frames}, Target{"pclntab", pclntab},
    Target{"names", names},           Target{"perf_map", perf_map},       Target{"trace", trace},
    Target{"manifest", manifest},     Target{"modules", modules},         Target{"expression", expression},
    Target{"config", config},         Target{"history", history},
};

// A broken promise: ends the program at `line`.
[[noreturn]] void broken(const char* promise, const char* file, int line);

inline std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace fdr::fuzz

#define FDR_PROMISE(expression) \
  ((expression) ? static_cast<void>(0) : ::fdr::fuzz::broken(#expression, __FILE__, __LINE__))
