// fdr beat NAME: one heartbeat, from a script. Never blocks, and never fails because nobody listens, or it may not be heard, which is said: the script that beats must not suffer.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "formats/error.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/config/config.hpp"
#include "recorder/control/run_directory.hpp"
#include "recorder/heartbeats/beat_socket.hpp"
#include "recorder/system/voice.hpp"

namespace fdr {

void add_beat(CLI::App& app, int& exit_code) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("beat", R"(send one heartbeat to every recorder

Examples:
  while work; do fdr beat worker; done
  printf worker | socat - UNIX-SENDTO:/run/fdr/NAME/beat.sock     without fdr)");
  command->add_option("NAME", *name, "of the [[heartbeat]]")->required();
  command->callback([name, &exit_code] {
    if (!valid_name(*name)) throw Error("'" + *name + "' cannot be a heartbeat's name", "use 1 to 32 of A-Z a-z 0-9 . _ -");
    for (const std::string& socket : send_beat(*name, known_recorders().alive))
      Voice::complain("the beat may not be sent to " + socket, "be root or of the socket's group: the one the recorder runs as (Group= in its unit)");
    exit_code = 0;
  });
}

}  // namespace fdr
