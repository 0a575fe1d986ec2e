// fdr verify BUNDLE|ZIP: whether it is what its recorder wrote.
#include <CLI/CLI.hpp>
#include <memory>

#include "formats/pack/bundle_path.hpp"
#include "formats/pack/pack.hpp"
#include "formats/pack/verify.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/reading.hpp"

namespace fdr {
namespace {

constexpr const char* kDescription = R"(whether a bundle or a pack is whole: checksums, format, completeness

Examples:
  fdr verify BUNDLE                   0: as its recorder wrote it; 1: not
  fdr verify CASE.zip                 what a customer sent
  fdr verify BUNDLE --json | jq .grade)";

struct VerifyOptions {
  std::string bundle;
  bool json = false;
};

int run_verify(const VerifyOptions& options) {
  const BundlePath path(options.bundle);
  Verification verification = verify_bundle(path.bundle());
  if (!path.pack().empty()) verification.checks.push_back(verify_beside_bundle(path.pack()));
  print(options.json ? verification_json(verification) : verification_text(verification));
  return verification.ok() ? 0 : 1;
}

}  // namespace

void add_verify(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = app.add_subcommand("verify", kDescription);
  command->add_option("BUNDLE", options->bundle, "the bundle's directory, or the zip of fdr pack")->required();
  command->add_flag("--json", options->json, "one JSON object: ok, format, checks, grade");
  command->callback([options, &exit_code] { exit_code = run_verify(*options); });
}

}  // namespace fdr
