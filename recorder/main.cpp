// fdr: parse the command, run it, turn an Error into words and an exit code.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "formats/error.hpp"
#include "formats/text.hpp"
#include "recorder/commands/commands.hpp"
#include "unwind/cut_file.hpp"

namespace {

constexpr const char* kDescription = R"(fdr: a flight data recorder for Linux processes

Examples:
  fdr run --when 'process.cpu.total > 80% for 3s' -- ./server    wrap a command
  fdr attach --comm haproxy -c haproxy.toml                      watch what runs
  fdr once --comm haproxy -c haproxy.toml --for 10m              the same from cron
  fdr now                                                        the last minute, live
  fdr dump                                                       write it
  fdr report BUNDLE                                              read it, anywhere)";

// In the list of commands one line each; their own --help has the examples.
class ShortList : public CLI::Formatter {
 public:
  std::string make_subcommand(const CLI::App* command) const override {
    const std::string whole = command->get_description();
    std::string name = "  " + command->get_name();
    name.resize(14, ' ');
    return name + whole.substr(0, whole.find('\n')) + "\n";
  }
};

int parse_and_run(CLI::App& app, int argc, char** argv, const int& exit_code) {
  try {
    app.parse(argc, argv);
    return exit_code;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    const std::string command = argc > 1 && argv[1][0] != '-' ? std::string(" ") + argv[1] : "";
    const std::string what = argc > 1 && app.get_subcommands().empty() ? std::string("there is no ") + (argv[1][0] == '-' ? "option" : "command") + " '" + argv[1] + "' here" : error.what();
    std::fprintf(stderr, "fdr: error: %s\nfdr: hint: fdr%s --help\n", fdr::printable(what).c_str(), app.get_subcommands().empty() ? "" : command.c_str());
    // In `run` an exit code belongs to the command; ours must not look like one of its own.
    const bool wrapping = argc > 1 && std::string_view(argv[1]) == "run";
    return wrapping ? 125 : 2;
  } catch (const fdr::Error& error) {
    std::fprintf(stderr, "fdr: error: %s\n", fdr::printable_lines(error.what()).c_str());
    if (!error.hint().empty()) std::fprintf(stderr, "fdr: hint: %s\n", fdr::printable_lines(error.hint()).c_str());
    return 1;
  } catch (const std::exception& error) {  // no thread, no memory
    std::fprintf(stderr, "fdr: error: %s\n", fdr::printable(error.what()).c_str());
    return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  fdr::survive_cut_files();
  CLI::App app{kDescription, "fdr"};
  app.set_version_flag("--version", std::string("fdr ") + FDR_VERSION);
  app.formatter(std::make_shared<ShortList>());
  app.require_subcommand(1);
  int exit_code = 0;
#ifdef FDR_RECORDER
  fdr::add_run(app, exit_code);
  fdr::add_attach(app, exit_code);
  fdr::add_once(app, exit_code);
  fdr::add_now(app, exit_code);
  fdr::add_dump(app, exit_code);
  fdr::add_drill(app, exit_code);
  fdr::add_mark(app, exit_code);
  fdr::add_beat(app, exit_code);
  fdr::add_status(app, exit_code);
  fdr::add_recover(app, exit_code);
  fdr::add_doctor(app, exit_code);
#endif
  fdr::add_check(app, exit_code);
  fdr::add_backtest(app, exit_code);
  fdr::add_report(app, exit_code);
  fdr::add_show(app, exit_code);
  fdr::add_diff(app, exit_code);
  fdr::add_common(app, exit_code);
  fdr::add_export(app, exit_code);
  fdr::add_verify(app, exit_code);
  fdr::add_pack(app, exit_code);
  fdr::add_completion(app, exit_code);
  return parse_and_run(app, argc, argv, exit_code);
}
