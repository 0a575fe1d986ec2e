// Every command: one file each, an add_x() that declares it and leaves its work in a callback. `exit_code` is what main returns.
// A command throws Error for what failed; main prints it and turns it into the exit code.
#pragma once

namespace CLI {
class App;
}

namespace fdr {

void add_run(CLI::App& app, int& exit_code);
void add_attach(CLI::App& app, int& exit_code);
void add_once(CLI::App& app, int& exit_code);
void add_now(CLI::App& app, int& exit_code);
void add_dump(CLI::App& app, int& exit_code);
void add_mark(CLI::App& app, int& exit_code);
void add_beat(CLI::App& app, int& exit_code);
void add_recover(CLI::App& app, int& exit_code);
void add_status(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);
void add_check(CLI::App& app, int& exit_code);
void add_backtest(CLI::App& app, int& exit_code);
void add_drill(CLI::App& app, int& exit_code);
void add_report(CLI::App& app, int& exit_code);
void add_show(CLI::App& app, int& exit_code);
void add_diff(CLI::App& app, int& exit_code);
void add_common(CLI::App& app, int& exit_code);
void add_export(CLI::App& app, int& exit_code);
void add_verify(CLI::App& app, int& exit_code);
void add_pack(CLI::App& app, int& exit_code);
void add_completion(CLI::App& app, int& exit_code);

}  // namespace fdr
