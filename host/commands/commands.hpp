// The verbs of the command line (design 2.1), one file each. A verb adds its options to the parser and leaves
// a callback that does the work; it reports by exceptions (InputError, Failure) and writes results to stdout.
#pragma once

namespace CLI {
class App;
}

namespace ntpgeo {

void add_data_command(CLI::App& app);
void add_train_command(CLI::App& app);
void add_limit_command(CLI::App& app);
void add_path_command(CLI::App& app);
void add_analyze_command(CLI::App& app);
void add_concepts_command(CLI::App& app);
void add_report_command(CLI::App& app);
void add_demo_command(CLI::App& app);

/// Parses and runs; returns the exit status of design 2.1 (0 done, 2 wrong input, 1 anything else, 128 +
/// signal where one stopped it).
int run_command_line(int argc, char** argv);

}  // namespace ntpgeo
