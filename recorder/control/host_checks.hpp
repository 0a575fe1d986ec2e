// What works on this host, what does not, what that costs and the exact remedy: the table of `fdr doctor`, and doctor.json of a bundle.
// Features are found by trying. libbpf is used within: one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace fdr {

enum class Grade { kOk, kLess, kNone };
const char* grade_word(Grade grade);  // "ok", "less", "cannot"

struct HostCheck {
  std::string name, value, effect, remedy;
  Grade verdict = Grade::kOk;
};

// What a recorder that runs has found out already.
struct KnownBackend {
  bool bpf = false;
  std::vector<std::string> lacking;  // what its programs do without, in sentences
};

// Without a backend each program is tried, which takes as long as a recorder's start (0.4 s); the rest takes some milliseconds.
std::vector<HostCheck> check_host(const std::optional<KnownBackend>& running);

std::string checks_json(const std::vector<HostCheck>& checks);

}  // namespace fdr
