#include "engine/geometry/figure_table.hpp"

#include <algorithm>
#include <stdexcept>

namespace ntpgeo {
namespace {

template <class T>
std::vector<T> joined(std::vector<T> first, const std::vector<T>& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

}  // namespace

const std::vector<RecordKey>& record_keys() {
    static const std::vector<RecordKey> keys = joined(measured_keys(), run_keys());
    return keys;
}

const RecordKey& record_key(std::string_view name) {
    const auto& keys = record_keys();
    const auto found =
        std::find_if(keys.begin(), keys.end(), [&](const RecordKey& key) { return key.name == name; });
    if (found == keys.end())
        throw std::logic_error("the table of figures has no key \"" + std::string(name) + "\"");
    return *found;
}

std::string_view across_key(Across across) {
    switch (across) {
        case Across::step:
            return "step";
        case Across::logits_norm:
            return "logits_norm";
        case Across::lambda:
            return "lambda";
        case Across::iterations:
            return "iterations";
    }
    return "";
}

const std::vector<FigureKind>& figure_kinds() {
    static const std::vector<FigureKind> kinds = joined(measured_figures(), run_figures());
    return kinds;
}

}  // namespace ntpgeo
