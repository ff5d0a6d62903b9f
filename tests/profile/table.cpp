#include "tests/profile/table.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "tests/profile/cost_model.hpp"

namespace ntpgeo::profile {
namespace {

using emulated_device::Counts;
using emulated_device::Work;
using Json = nlohmann::ordered_json;

/// 12.5, and whole numbers as such.
std::string number(double value) {
    return fmt::format("{:.10g}", static_cast<double>(static_cast<std::int64_t>(value * 100 + 0.5)) / 100);
}

std::string line(const std::string& name, const std::string& problem,
                 const std::vector<std::string>& values) {
    std::string text = fmt::format("{:<18} {:<34}", name, problem);
    for (std::size_t k = 0; k < values.size(); ++k)
        text += fmt::format(" {:>{}}", values[k], std::string_view(all_columns[k].title).size());
    return text + "\n";
}

Json work_as_json(const Work& work) {
    Json kernels = Json::array(), calls = Json::array();
    for (const auto& [launch, count] : work.launches)
        kernels.push_back({{"kernel", launch.kernel},
                           {"blocks", launch.blocks},
                           {"threads", launch.threads},
                           {"count", count}});
    for (const auto& [call, count] : work.calls)
        calls.push_back({{"routine", call.routine},
                         {"type", call.type},
                         {"m", call.m},
                         {"n", call.n},
                         {"k", call.k},
                         {"batch", call.batch},
                         {"count", count}});
    return {{"kernels", kernels},
            {"calls", calls},
            {"copies_up", work.copies_up},
            {"copies_down", work.copies_down},
            {"bytes_up", work.bytes_up},
            {"bytes_down", work.bytes_down},
            {"bytes_within", work.bytes_within}};
}

Json counts_as_json(const Counts& counts) {
    return {{"direct", work_as_json(counts.direct)},
            {"in_graphs", work_as_json(counts.in_graphs)},
            {"graph_launches", counts.graph_launches},
            {"graph_nodes", counts.graph_nodes},
            {"recordings", counts.recordings},
            {"synchronisations", counts.synchronisations},
            {"pageable_downloads", counts.pageable_downloads},
            {"allocations", counts.allocations},
            {"frees", counts.frees}};
}

Json prediction_as_json(const Prediction& prediction, std::int64_t iterations) {
    const auto each = [&](double seconds) { return seconds / static_cast<double>(iterations); };
    return {{"seconds", each(prediction.seconds())}, {"kernels", each(prediction.kernels)},
            {"calls", each(prediction.calls)},       {"copies", each(prediction.copies)},
            {"waits", each(prediction.waits)},       {"memory", each(prediction.memory)}};
}

Json traffic_as_json(const Profile& profile) {
    Json all = Json::array();
    for (const auto& [launch, traffic] : profile.traffic)
        all.push_back({{"kernel", launch.kernel},
                       {"blocks", launch.blocks},
                       {"threads", launch.threads},
                       {"launches", traffic.launches},
                       {"bytes_read", traffic.bytes_read},
                       {"bytes_written", traffic.bytes_written}});
    return all;
}

}  // namespace

Columns columns_of(const Counts& counts, std::int64_t iterations) {
    const auto each = [&](std::int64_t count) {
        return static_cast<double>(count) / static_cast<double>(iterations);
    };
    return {each(counts.direct.all_launches()),
            each(counts.graph_launches),
            each(counts.direct.all_calls()),
            each(counts.direct.bytes_up + counts.in_graphs.bytes_up),
            each(counts.direct.bytes_down + counts.in_graphs.bytes_down),
            each(counts.synchronisations),
            each(counts.allocations)};
}

std::string table_text(const std::vector<Profile>& profiles) {
    std::vector<std::string> cells;
    for (const Column& column : all_columns) cells.emplace_back(column.title);
    std::string text = line("case", "", cells);
    text.pop_back();
    for (const device::Machine& machine : device::machines)
        text += fmt::format(" {:>8} ms", fmt::format("{}", machine.name));
    text += "  (predicted)\n";
    const auto add = [&](const std::string& name, const std::string& problem, const Counts& counts,
                         std::int64_t iterations) {
        const Columns columns = columns_of(counts, iterations);
        cells.clear();
        for (const Column& column : all_columns) cells.push_back(number(columns.*column.value));
        text += line(name, problem, cells);
        text.pop_back();
    };
    for (const Profile& profile : profiles) {
        add(profile.name, profile.problem, profile.total(), profile.iterations);
        for (const device::Machine& machine : device::machines)
            text += fmt::format(" {:>11.4g}", 1000 * predict(profile, machine).seconds() /
                                                  static_cast<double>(profile.iterations));
        text += "\n";
    }
    return text;
}

Json as_json(const std::vector<Profile>& profiles) {
    Json cases = Json::array();
    for (const Profile& profile : profiles) {
        const Columns columns = columns_of(profile.total(), profile.iterations);
        Json per_iteration, predicted, regions = Json::object();
        for (const device::Machine& machine : device::machines)
            predicted[std::string(machine.name)] =
                prediction_as_json(predict(profile, machine), profile.iterations);
        for (const Column& column : all_columns) per_iteration[column.key] = columns.*column.value;
        for (const auto& [region, counts] : profile.regions) regions[region] = counts_as_json(counts);
        cases.push_back({{"name", profile.name},
                         {"problem", profile.problem},
                         {"iterations", profile.iterations},
                         {"per_iteration", per_iteration},
                         {"predicted_s", predicted},
                         {"regions", regions},
                         {"traffic", traffic_as_json(profile)}});
    }
    return {{"format", "ntpgeo.profile.1"}, {"cases", cases}};
}

}  // namespace ntpgeo::profile
