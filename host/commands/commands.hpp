// The verbs of the command line (design 2.1), one file each. A verb adds its options to the program and
// leaves a callback that does the work; it reports by exceptions (InputError, Failure) and writes results to
// stdout.
#pragma once

#include "host/commands/command.hpp"

namespace ntpgeo {

void add_data_command(Command& program);
void add_train_command(Command& program);
void add_limit_command(Command& program);
void add_path_command(Command& program);
void add_analyze_command(Command& program);
void add_concepts_command(Command& program);
void add_report_command(Command& program);
void add_demo_command(Command& program);

/// Parses and runs; returns the exit status of design 2.1 (0 done, 2 wrong input, 1 anything else, 128 +
/// signal where one stopped it).
int run_command_line(int argc, char** argv);

}  // namespace ntpgeo
