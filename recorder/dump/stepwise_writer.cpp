#include "recorder/dump/stepwise_writer.hpp"


#include <new>

#include "formats/bundle_writer.hpp"
#include "formats/report/report.hpp"
#include "formats/text.hpp"
#include "recorder/bundles/retention.hpp"
#include "recorder/system/disk_room.hpp"
#include "unwind/symbolizer.hpp"

namespace fdr {
namespace {

Rung below(Rung rung) { return static_cast<Rung>(static_cast<int>(rung) + 1); }

std::string in_bytes(std::uint64_t bytes) { return bytes_text(static_cast<double>(bytes)); }

struct Attempt {
  Rung rung = Rung::kFull;
  std::string why, hint;
  std::uint64_t needed = 0;  // by a full one; 0: not known

  void note(Manifest& manifest) const { note_rung(rung, why, rung == Rung::kFull ? 0 : needed, manifest); }
};

std::string write_once(BundleParts& parts, const TraceTrigger& trigger, const BundlePlace& place, std::uint64_t room, const Attempt& attempt, const std::function<void(Manifest&)>& finish) {
  // The first screen is of all that is still there: what it says needs less room than what it says it of.
  Manifest seen;
  finish(seen);
  if (attempt.rung != Rung::kFull) seen.losses.insert(seen.losses.begin(), rung_sentence(attempt.rung, attempt.why));
  const std::string screen = summary_text(seen, parts.timeline, recorded_names(parts.timeline.stacks, parts.slices));
  leave_out(parts, attempt.rung);
  BundleWriter writer(place.directory, place.name, room);
  try {
    writer.add_trace(parts.timeline, trigger);
    writer.add_modules(parts.timeline.stacks, parts.slices);
    writer.add_file("ledger.ndjson", parts.ledger);
    for (const auto& [path, text] : parts.files) writer.add_file(path, text);
    writer.add_file("summary.txt", screen);
    Manifest manifest;
    finish(manifest);
    attempt.note(manifest);
    return writer.finish(std::move(manifest));
  } catch (...) {
    writer.abandon();
    throw;
  }
}

}  // namespace

WrittenBundle write_stepwise(BundleParts& parts, const TraceTrigger& trigger, const BundlePlace& place, const std::function<void(Manifest&)>& finish) {
  const auto room = room_in(place.directory, place.keep_free_percent);
  Attempt attempt;
  attempt.needed = forecast_bytes(place.directory);
  if (room && attempt.needed > *room && place.lowest > Rung::kFull) {
    attempt.rung = Rung::kNoRawCalls;
    attempt.why = in_bytes(*room) + " free, " + in_bytes(attempt.needed) + " needed";
    attempt.hint = "free some room in " + place.directory + ", or lower bundle.keep_free";
  }
  for (;; attempt.rung = below(attempt.rung)) {
    try {
      std::string path = write_once(parts, trigger, place, room.value_or(UINT64_MAX), attempt, finish);
      return {std::move(path), attempt.rung == Rung::kFull ? "" : rung_sentence(attempt.rung, attempt.why), attempt.hint};
    } catch (const NoRoom& error) {
      if (attempt.rung >= place.lowest) throw;
      if (!attempt.why.empty()) continue;
      attempt.why = error.what();
      attempt.hint = error.hint();
    } catch (const std::bad_alloc&) {
      if (attempt.rung >= place.lowest) throw;
      if (attempt.why.empty()) attempt.why = "no memory for more";
    }
  }
}

}  // namespace fdr
