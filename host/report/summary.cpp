#include "host/report/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>

#include "host/files/outward.hpp"
#include "host/report/run_table.hpp"
#include "host/report/text.hpp"

namespace ntpgeo {
namespace {

using nlohmann::json;

/// One key of all stages in order, equal neighbours once: "adam → lbfgs".
template <class Text>
std::string over_stages(const Run& run, Text text) {
    const json& stages = at(run.config, {"stages"});
    std::string joined, last;
    if (stages.is_array()) {
        for (const json& stage : stages) {
            std::string now = text(stage);
            if (now == last) continue;
            joined += (joined.empty() ? "" : " → ") + now;
            last = std::move(now);
        }
    }
    return joined.empty() ? kAbsentCell : joined;
}

std::string learning_rate(const json& stage) {
    std::string rate = setting(at(stage, {"lr"}));
    const json& schedule = at(stage, {"lr_schedule"});
    if (schedule.is_string() && schedule != "constant") rate += fmt::format(" {}", setting(schedule));
    return rate;
}

std::string total_steps(const Run& run) {
    const json& stages = at(run.config, {"stages"});
    double total = 0.0;
    if (!stages.is_array()) return kAbsentCell;
    for (const json& stage : stages) {
        const json& steps = at(stage, {"steps"});
        if (!steps.is_number()) return kAbsentCell;
        total += steps.get<double>();
    }
    return total >= 0.0 && total < 9e15 ? count_text(static_cast<std::int64_t>(total)) : kAbsentCell;
}

std::string precision(const Run& run) {
    std::string products =
        over_stages(run, [](const json& stage) { return setting(at(stage, {"precision"})); });
    const std::string master = setting(at(run.config, {"master"}));
    if (master == kAbsentCell || master == products) return products;
    return products + ", master " + master;
}

std::string data_set(const Run& run) {
    const json& source = at(run.config, {"dataset", "source"});
    std::string named = setting(source);
    if (named == kAbsentCell) named = setting(at(run.config, {"dataset", "path"}));
    return run.data_set.empty() ? named : escape_text(run.data_set) + " (" + named + ")";
}

std::string entropy_cell(const Run& run) {
    const double last = run.last("entropy");
    const json& of_data = at(run.config, {"dataset", "entropy"});
    return figure_cell(std::isnan(last) && of_data.is_number() ? of_data.get<double>() : last,
                       record_key("entropy").told.digits);
}

std::string time(const Run& run) {
    const double seconds = run.last("time_s");
    return std::isnan(seconds) ? std::string(kAbsentCell) : duration_text(seconds);
}

/// The greatest of a column that is not null; NaN where there is none.
double greatest(const Run& run, std::string_view key) {
    double found = std::numeric_limits<double>::quiet_NaN();
    if (const auto* column = run.column(key)) {
        for (const double value : *column) found = std::fmax(found, value);
    }
    return found;
}

std::string lambda_range(const Run& run) {
    const std::vector<double>& lambdas = *run.column("lambda");
    const int digits = record_key("lambda").told.digits;
    const std::string least = figure_cell(lambdas.back(), digits);
    return run.records == 1 ? least : figure_cell(lambdas.front(), digits) + " … " + least;
}

TableColumn from_config(const std::string& head, std::string_view kind,
                        std::initializer_list<const char*> path) {
    return {head, kind, [keys = std::vector<const char*>(path)](const Run& run) {
                const json* value = &run.config;
                for (const char* key : keys) value = &at(*value, {key});
                return setting(*value);
            }};
}

TableColumn from_stages(const std::string& head, const char* key) {
    return {head, kWordCell, [key](const Run& run) {
                return over_stages(run, [key](const json& stage) { return setting(at(stage, {key})); });
            }};
}

/// The head of a key's column, as the table of figures has it.
std::string head_of(std::string_view key) {
    return std::string(record_key(key).told.head);
}

TableColumn from_record(std::string_view key, const std::string& suffix = "") {
    return {head_of(key) + suffix, kNumberCell,
            [key](const Run& run) { return figure_cell(run.last(key), record_key(key).told.digits); }};
}

std::vector<std::size_t> of_kind(const std::vector<Run>& runs, std::initializer_list<RunKind> kinds) {
    std::vector<std::size_t> indices;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        if (std::find(kinds.begin(), kinds.end(), runs[r].kind) != kinds.end()) indices.push_back(r);
    }
    return indices;
}

}  // namespace

std::string summary_tables(const std::vector<Run>& runs) {
    const std::vector<TableColumn> data = {
        {"Data set", kTextCell, data_set},
        from_config("Words <i>V</i>", kNumberCell, {"dataset", "vocab_size"}),
        from_config("Contexts <i>m</i>", kNumberCell, {"dataset", "contexts"}),
        from_config("Support entries", kNumberCell, {"dataset", "nnz"}),
        {head_of("entropy"), kNumberCell, entropy_cell},
    };
    const std::vector<TableColumn> training = {
        from_config("Dimension <i>d</i>", kNumberCell, {"dim"}),
        from_stages("Optimizer", "optimizer"),
        {"Learning rate", kWordCell, [](const Run& run) { return over_stages(run, learning_rate); }},
        from_stages("<i>λ</i>", "lambda"),
        {"Precision", kWordCell, precision},
        from_config("Device", kWordCell, {"device"}),
        {"Steps", kNumberCell, total_steps},
    };
    const std::vector<TableColumn> standing = {
        {"Step", kNumberCell,
         [](const Run& run) { return count_text(static_cast<std::int64_t>(run.last("step"))); }},
        from_record("excess_loss"),
        from_record("dominance"),
        from_record("alignment_proxy"),
        from_record("alignment_limit"),
        from_record("collapse"),
        from_record("min_margin"),
        {head_of("time_s"), kNumberCell, time},
    };
    const std::vector<TableColumn> path = {
        {head_of("lambda"), kWordCell, lambda_range},
        {"Points", kNumberCell,
         [](const Run& run) { return count_text(static_cast<std::int64_t>(run.records)); }},
        {"Greatest gap", kNumberCell,
         [](const Run& run) {
             const int digits = record_key("relative_gap").told.digits;
             return figure_cell(rounded_up(greatest(run, "relative_gap"), digits), digits);
         }},
        from_record("rank", " at the last <i>λ</i>"),
        from_record("excess_loss"),
        from_record("dominance"),
        from_record("alignment_proxy"),
        from_record("alignment_limit"),
        from_record("collapse"),
    };
    const std::vector<std::size_t> trained = of_kind(runs, {RunKind::training});
    return run_table("Data", runs, of_kind(runs, {RunKind::training, RunKind::path, RunKind::limit}), data) +
           run_table("Training", runs, trained, training) +
           run_table("At the last record", runs, trained, standing) +
           run_table("The regularization path: certificates, and figures at the last λ", runs,
                     of_kind(runs, {RunKind::path}), path);
}

}  // namespace ntpgeo
