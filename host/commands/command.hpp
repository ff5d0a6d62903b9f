// What a verb says to the command line: its options, its own verbs and what it does. CLI11 itself, which
// takes a compiler ten seconds to read, stands behind it in command_line.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): theirs
class App;
}

namespace ntpgeo {

/// Looks at an option's text, which it may put in another form, and says what is wrong with it: "" if
/// nothing.
using TextCheck = std::function<std::string(std::string& text)>;

/// What there is to an option beside its name, its value and its help.
struct OptionTraits {
    bool required = false;
    std::string type_name{};     ///< of its value, in the help; by the type of the value where empty
    std::string default_text{};  ///< shown in the help; where empty nothing is
    TextCheck check{};           ///< made while the command line is read; none where empty
};

/// A verb of the command line, or the program itself. All that it is given a reference to must live as long
/// as the parser.
class Command {
  public:
    explicit Command(CLI::App& app) : app_(&app) {}

    /// A verb of this one, which then needs one of its own.
    Command add_command(const std::string& name, const std::string& help);

    /// An option, "-o,--output", or what stands at a place of its own, "RUN". The texts that the command line
    /// gives for it go to `value`.
    template <class Value>
    void add_option(const std::string& names, Value& value, const std::string& help,
                    const OptionTraits& traits = {});

    /// An option without a value.
    void add_flag(const std::string& names, bool& value, const std::string& help);

    /// What is done where the command line names this verb. Of a launcher's many processes none does it: the
    /// verb is refused.
    void on_call(std::function<void()> work);
    /// The same of a verb that joins the launcher's ranks (Ranks::join).
    void on_call_of_ranks(std::function<void()> work);

  private:
    CLI::App* app_;
};

extern template void Command::add_option(const std::string&, std::string&, const std::string&,
                                         const OptionTraits&);
extern template void Command::add_option(const std::string&, std::optional<std::string>&, const std::string&,
                                         const OptionTraits&);
extern template void Command::add_option(const std::string&, std::int64_t&, const std::string&,
                                         const OptionTraits&);
extern template void Command::add_option(const std::string&, std::optional<std::int64_t>&, const std::string&,
                                         const OptionTraits&);
extern template void Command::add_option(const std::string&, std::vector<std::string>&, const std::string&,
                                         const OptionTraits&);

}  // namespace ntpgeo
