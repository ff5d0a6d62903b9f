#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/commands/command.hpp"
#include "host/commands/commands.hpp"
#include "host/files/file_error.hpp"
#include "host/ranks/ranks.hpp"
#include "host/terminal/interruption.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// The first word that should name a command of `app`, and names none, with those it has; empty where none is
/// so wrong.
std::string unknown_command(CLI::App* app, int argc, char** argv) {
    for (int i = 1; i < argc && app->get_require_subcommand_min() > 0 && argv[i][0] != '-'; ++i) {
        std::vector<std::string> names;
        const auto is_named = [&](CLI::App* command) {
            names.push_back(command->get_name());
            return names.back() == argv[i];
        };
        const std::vector<CLI::App*> found = app->get_subcommands(is_named);
        if (found.empty())
            return fmt::format("unknown command '{}'; use {}", printable(std::string_view(argv[i])),
                               fmt::join(names, ", "));
        app = found[0];
    }
    return "";
}

/// CLI11 takes "[a,b]" for a list of a and b, where a list is welcome. A file may be called so: the arguments
/// then go to it with a byte behind that no argument has.
constexpr char guard = '\0';

std::vector<std::string> guarded(int argc, char** argv) {
    std::vector<std::string> arguments(argv + 1, argv + std::max(argc, 1));
    for (std::string& argument : arguments)
        if (argument.starts_with('[') && argument.ends_with(']')) argument += guard;
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    return arguments;
}

std::string unguarded(std::string& text) {
    if (text.ends_with(guard)) text.pop_back();
    return "";
}

/// One line, whatever the message held: names that CLI11 repeats, say.
int complain(std::string message, int status) {
    std::erase(message, guard);
    while (!message.empty() && (message.back() == ' ' || message.back() == '\n')) message.pop_back();
    std::fputs(("ntpgeo: " + escaped(message) + "\n").c_str(),
               stderr);  // where stderr is closed, the status still tells
    return status;
}

}  // namespace

Command Command::add_command(const std::string& name, const std::string& help) {
    app_->require_subcommand(1);
    return Command(*app_->add_subcommand(name, help));
}

template <class Value>
void Command::add_option(const std::string& names, Value& value, const std::string& help,
                         const OptionTraits& traits) {
    CLI::Option* option = app_->add_option(names, value, help)->required(traits.required);
    if (!traits.type_name.empty()) option->type_name(traits.type_name);
    if (!traits.default_text.empty()) option->default_str(traits.default_text);
    if (traits.check) option->transform(CLI::Validator(traits.check, ""));
    option->transform(CLI::Validator(unguarded, ""));  // the last to be added is the first to look
}
template void Command::add_option(const std::string&, std::string&, const std::string&, const OptionTraits&);
template void Command::add_option(const std::string&, std::optional<std::string>&, const std::string&,
                                  const OptionTraits&);
template void Command::add_option(const std::string&, std::int64_t&, const std::string&, const OptionTraits&);
template void Command::add_option(const std::string&, std::optional<std::int64_t>&, const std::string&,
                                  const OptionTraits&);
template void Command::add_option(const std::string&, std::vector<std::string>&, const std::string&,
                                  const OptionTraits&);

void Command::add_flag(const std::string& names, bool& value, const std::string& help) {
    app_->add_flag(names, value, help);
}

void Command::on_call(std::function<void()> work) {
    const CLI::App* const parent = app_->get_parent();
    const std::string of = parent->get_parent() ? parent->get_name() + " " : "";
    app_->callback([name = of + app_->get_name(), work = std::move(work)] {
        Ranks::refuse_launcher(name);
        work();
    });
}

void Command::on_call_of_ranks(std::function<void()> work) {
    app_->callback(std::move(work));
}

int run_command_line(int argc, char** argv) {
    CLI::App app("ntpgeo: trains next-token prediction on sparse soft labels to its geometric limit",
                 "ntpgeo");
    app.set_version_flag("--version", std::string("ntpgeo ") + NTPGEO_VERSION);
    Command program(app);
    add_data_command(program);
    add_train_command(program);
    add_path_command(program);
    add_limit_command(program);
    add_analyze_command(program);
    add_concepts_command(program);
    add_report_command(program);
    add_demo_command(program);
    if (const std::string unknown = unknown_command(&app, argc, argv); !unknown.empty())
        return complain(unknown, 2);
    const auto fail = [](const std::string& message, int status) {
        return Ranks::fail(status, [&] { complain(message, status); });
    };
    const int status = [&] {
        try {
            app.parse(guarded(argc, argv));
            // Results that could not be written (a full disk behind a redirection) are no success.
            if (std::fflush(stdout) != 0) return complain("the results could not be written to stdout", 1);
            return 0;
        } catch (const CLI::Success& request) {
            return app.exit(request);
        } catch (const CLI::ParseError& error) {
            return fail(std::string(error.what()) + " (see --help)", 2);
        } catch (const std::filesystem::filesystem_error& error) {
            return fail(fmt::format("{}: {}", error.path1().native(), error.code().message()),
                        is_fault_of_path(error.code().value()) ? 2 : 1);
        } catch (const std::bad_alloc&) {
            return fail("out of memory", 1);
        } catch (const std::exception& error) {
            return fail(error.what(), status_of_exception());
        }
    }();
    Ranks::leave();
    return status;
}

}  // namespace ntpgeo
