// What may never come back, done on a thread of the caller's own, which runs as urgently as the caller and is waited for half a second: a read of
// /proc that wants a lock which its process holds for long, a file whose server does not answer. In the middle of a tick or of a dump a wait for
// it would be ours.
//
// One that is not back by then is left behind with all that it needs; until it comes back nobody begins the same again. Where there is no thread
// to be had the caller does it for itself. Any thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace fdr {

// Whether `work` was done. It must own what it touches: it may end long after its caller. `key`: what is waited for; `note`: that in a sentence,
// for who reads a status or a bundle. Not begun where `key` is waited for already, or too many others are.
bool patiently(const std::string& key, const std::string& note, std::function<void()> work);

// Lets the thread go that waits for the caller's next work; the next gets another one. For who changes what threads begin with (capabilities).
void end_patience();

// The notes of what was left behind and is not back yet.
std::vector<std::string> awaited();

}  // namespace fdr
