#include "recorder/survival/claim.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "formats/error.hpp"
#include "recorder/saved/saved_window.hpp"
#include "recorder/sources/left_window.hpp"
#include "recorder/survival/slice_recovery.hpp"
#include "recorder/system/bounded_command.hpp"

namespace fdr {
namespace {

constexpr Duration kPatience = std::chrono::seconds(30);

// The same code as the command's: it may take long, or fail, without harm to us.
void recover_apart(const std::string& name, const std::string& bundles, const Voice& voice) {
  const bool pinned = has_left_window(name);
  voice.say(fmt::format("recorder '{}' had died: {}", name, pinned ? "its window is being written" : "what it had put on disk is being written"));
  std::vector<std::string> command = {"/proc/self/exe", "recover", name};
  if (!pinned) command.insert(command.end(), {"-o", std::filesystem::absolute(bundles)});
  const CommandResult result = run_bounded(command, {.timeout = kPatience, .max_bytes = 1u << 16, .ourselves = true});
  if (result.timed_out) return Voice::complain(fmt::format("the window of '{}' was not written within {}", name, duration_text(kPatience)), "fdr recover " + name);
  if (!result.error.empty()) return Voice::complain(result.error, "fdr recover " + name);
  for (std::size_t at = 0; at < result.output.size();) {
    const std::size_t end = std::min(result.output.find('\n', at), result.output.size());
    const std::string line = result.output.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("fdr: error: ")) Voice::complain(line.substr(12), "");
    else if (line.starts_with("/")) voice.say("bundle " + line);
  }
}

// Free and without anything of a dead one's.
std::optional<RunDirectory> take_clean(const std::string& name, const std::string& bundles, const Voice& voice, bool& holds_window) {
  for (const bool again : {false, true}) {
    auto taken = RunDirectory::take(name);
    if (!taken) return std::nullopt;
    holds_window = has_left_window(name);
    if (!holds_window && !again && has_slices(bundles, name)) {
      taken.reset();
      recover_apart(name, bundles, voice);
      continue;  // where that failed they stay, and none are kept beside them
    }
    if (!holds_window) {
      remove_left_window(name);
      remove_saved_window(taken->path(""));
      return taken;
    }
    taken->leave_window();
    taken.reset();
    if (!again) recover_apart(name, bundles, voice);
  }
  return std::nullopt;
}

void silence_others(const Voice& voice) {
  for (const std::string& name : known_recorders().dead) {
    auto taken = RunDirectory::take(name);
    if (!taken) continue;
    if (!has_left_window(name)) {
      remove_left_window(name);
      continue;
    }
    taken->leave_window();
    detach_left_window(name);
    voice.hint(fmt::format("recorder '{}' has died; its window can be written: fdr recover {}", name, name));
  }
}

}  // namespace

RunDirectory claim_run_directory(const std::string& name, bool may_number, const std::string& bundles, const Voice& voice) {
  for (int number = 1; number <= (may_number ? 100 : 1); ++number) {
    const std::string candidate = number == 1 ? name : name + "-" + std::to_string(number);
    bool holds_window = false;
    if (auto taken = take_clean(candidate, bundles, voice, holds_window)) {
      silence_others(voice);
      return std::move(*taken);
    }
    if (holds_window && !may_number)
      throw Error("a recorder named '" + name + "' has died, and its window could not be written", "fdr recover " + name + " -o DIRECTORY, or choose another --name");
  }
  throw RecorderNameTaken("a recorder named '" + name + "' is running", "choose another --name, or see `fdr status`");
}

}  // namespace fdr
