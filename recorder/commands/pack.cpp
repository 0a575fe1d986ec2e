// fdr pack BUNDLE -o FILE.zip: one file for a vendor.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "formats/error.hpp"
#include "formats/pack/pack.hpp"
#include "formats/text.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/reading.hpp"
#include "recorder/metrics/catalogue.hpp"
#include "recorder/pack/redacted_pack.hpp"
#include "recorder/pack/vendor_facts.hpp"

namespace fdr {
namespace {

constexpr const char* kDescription = R"(one file for a vendor: the bundle, its report, facts of the host

Examples:
  fdr pack BUNDLE -o case.zip --case 4711 --note 'since the upgrade'
  fdr report case.zip                           every reading command takes the zip
  fdr pack BUNDLE --redact --preview            what would leave without names
  fdr pack BUNDLE --redact --key KEY -o x.zip   the same names as with KEY before

Without --redact command lines, paths and host names are in it as they were.)";

struct PackOptions {
  ReadingOptions reading;
  std::string output;
  PackNotes notes;
  bool force = false, redact = false, preview = false, with_text = false;
  std::string key_file;
  std::vector<std::string> keep_symbols_of, patterns;
};

void run_redacted(const PackOptions& options, const OpenedBundle& opened) {
  RedactedPackOptions redacted{options.output, options.key_file, options.force, options.preview, options.notes, {}};
  redacted.redact.keep_modules = options.keep_symbols_of;
  redacted.redact.patterns = options.patterns;
  redacted.redact.with_text = options.with_text;
  redacted.redact.is_metric = [catalogue = build_catalogue(Config{})](std::string_view name) { return catalogue.find(name).has_value(); };
  print(write_redacted_pack(opened.bundle, vendor_facts(opened.bundle), std::move(redacted)));
}

void run_pack(const PackOptions& options) {
  if (!options.redact && (options.preview || options.with_text || !options.key_file.empty() || !options.keep_symbols_of.empty() || !options.patterns.empty()))
    throw Error("--preview, --with-text, --key, --keep-symbols-of and --pattern say how to redact, and --redact is not there", "fdr pack BUNDLE --redact ...");
  if (options.output.empty() && !options.preview) throw Error("no file is named for the pack", "fdr pack BUNDLE -o FILE.zip");
  ReadingOptions reading = options.reading;
  reading.compare = !options.redact;  // what is redacted is the bundle as it is; its report compares then
  const OpenedBundle opened = open_with_names(reading);
  if (opened.bundle.partial)
    throw Error("the recorder did not finish this bundle", "fdr report reads it; pack it by hand if it has to go");
  if (options.redact) return run_redacted(options, opened);
  PackNotes notes = options.notes;
  notes.left_out = unnamed_files(opened.bundle);
  const auto beside = beside_bundle(opened.bundle, opened.names, vendor_facts(opened.bundle), notes);
  write_pack(options.output, options.force, opened.bundle, beside);
  for (const LeftOut& left : notes.left_out)
    std::fprintf(stderr, "fdr: left out: %s: %s\n", printable(left.path).c_str(), printable(left.why).c_str());
  print(beside.at("signature.txt"));
}

}  // namespace

void add_pack(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<PackOptions>();
  CLI::App* command = app.add_subcommand("pack", kDescription);
  add_reading_options(*command, options->reading);
  command->add_option("-o,--output", options->output, "the zip; never written over a file that is there")->type_name("FILE.zip");
  command->add_flag("--force", options->force, "replace FILE.zip where it is there");
  command->add_option("--case", options->notes.case_id, "the case it belongs to, as the vendor calls it")->type_name("ID");
  command->add_option("--note", options->notes.note, "a word to whoever reads it")->type_name("TEXT");
  command->add_flag("--redact", options->redact, "pseudonyms for names, addresses, paths, arguments and own symbols; no text files; the map beside FILE.zip is private");
  command->add_flag("--with-text", options->with_text, "kernel log, logs and collectors' output too, without known names and what looks like one; plain words of it stay");
  command->add_flag("--preview", options->preview, "with --redact: say what would leave, write nothing");
  command->add_option("--key", options->key_file, "the same key gives the same pseudonyms; without it a new one, kept in the map")->type_name("FILE");
  const auto repeated = [&](const char* name, std::vector<std::string>& list, const char* what, const char* type) {
    command->add_option(name, list, what)->type_name(type)->expected(1)->take_all();
  };
  repeated("--keep-symbols-of", options->keep_symbols_of, "a file, by path or name, whose path, build-id and functions stay readable", "MODULE");
  repeated("--pattern", options->patterns, "what would stay and matches is replaced as well", "REGEX");
  command->callback([options, &exit_code] {
    run_pack(*options);
    exit_code = 0;
  });
}

}  // namespace fdr
