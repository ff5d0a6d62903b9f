// The table of figures: every key of a record (metrics.jsonl, design 2.2) and every figure of a report, each
// once, as plain data. Records are written and read by it, reports drawn, and docs/figures.md made.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ntpgeo {

struct Figures;

/// The verbs that write records, as bits.
enum Verb : unsigned { train_verb = 1, analyze_verb = 2, path_verb = 4, limit_verb = 8 };

/// What stands under a key where it is not null.
enum class ValueKind { integer, number, text, numbers };

/// Where a Figures holds the value of a key.
using FigureMember = std::variant<std::monostate, double Figures::*, std::optional<double> Figures::*,
                                  std::string Figures::*, std::vector<double> Figures::*>;

/// How a key looks where it is drawn; markup (`P_{F}`, `10^{−3}`).
struct Drawn {
    std::string_view line;          ///< its line; of a list, the letter whose index counts the lines
    std::string_view full_name;     ///< in a sentence
    bool descending = false;        ///< of a list, whose lines then need a few names only
    std::string_view told_by = {};  ///< the key whose texts say how the values were made
};

/// How a report's tables and sentences tell a key's last value.
struct Told {
    std::string_view head;  ///< of its column, HTML; empty where it stands in sentences alone
    int digits = 0;         ///< significant ones
};

/// A key of a record.
struct RecordKey {
    std::string_view name;
    unsigned verbs;  ///< those that write it
    ValueKind kind;
    std::string_view meaning;     ///< what it is, Markdown
    std::string_view range;       ///< its unit, or where it lies, Markdown
    std::string_view null_where;  ///< Markdown; empty where it never is
    Drawn drawn = {};             ///< empty where no figure shows it
    Told told = {};               ///< empty where no table or sentence tells it
    FigureMember member = {};     ///< of what FigureMeter measures

    /// Whether a report reads it.
    [[nodiscard]] bool in_report() const {
        return !drawn.line.empty() || !told.head.empty() || told.digits > 0;
    }
};

/// How the vertical axis of a figure measures. `nines` is for cosines that approach 1: logarithmic in 1 −
/// value, increasing in the value, so that 0, 0.9, 0.99, 0.999 are equally far apart.
enum class Scale { linear, logarithmic, nines };

/// What the records of a figure follow, and so the part of the page that it stands in.
enum class Across {
    step,         ///< those of training runs
    logits_norm,  ///< ‖L̄‖_F, those of training runs and of paths
    lambda,       ///< those of paths, and the last of training runs with λ > 0
    iterations    ///< those of limits
};

/// The key that the records of an axis follow; of logits_norm, which is not a key but √(sparse_norm² +
/// low_rank_norm²), its own name.
std::string_view across_key(Across across);

/// A figure of a report: keys of the table over one axis. Words are markup.
struct FigureKind {
    std::string_view id;  ///< the name on the command line
    std::string_view title, unit, caption;
    Across across;
    Scale scale;
    std::vector<std::string_view> keys;  ///< one of a list, or some of numbers
    bool from_zero = false;              ///< a linear axis begins at 0
    bool occasional = false;             ///< evaluated at some records only
    std::string_view full_name = {};     ///< of its one key, where it is another than the table's
    bool ranked = false;  ///< of a list in the order of S̃'s directions: its caption says for each run how far
                          ///< the values and their rise follow that order
};

/// Every key: what FigureMeter measures, in the order of a record, and the rest.
const std::vector<RecordKey>& record_keys();

/// The entry of a key. Throws std::logic_error where the table has none.
const RecordKey& record_key(std::string_view name);

/// Every figure, in the order of the page.
const std::vector<FigureKind>& figure_kinds();

/// The two parts that these are made of: what FigureMeter measures, drawn along training; and the rest.
std::vector<RecordKey> measured_keys();
std::vector<FigureKind> measured_figures();
std::vector<RecordKey> run_keys();
std::vector<FigureKind> run_figures();

}  // namespace ntpgeo
