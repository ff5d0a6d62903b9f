#include "host/files/topk_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "host/files/file_error.hpp"
#include "host/files/safetensors.hpp"
#include "host/files/stored_array.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// Entries that are read at a time.
constexpr std::int64_t block_entries = std::int64_t{1} << 18;

struct TopKArrays {
    StoredArray ids, probs;
    std::optional<StoredArray> weights;
    bool logarithms = false;
};

StoredArray open_weights(const ArrayName& name) {
    return {name, 1, "[m], a weight a context"};
}

TopKArrays opened(const ArrayName& ids, const ArrayName& probs, const std::optional<ArrayName>& weights,
                  bool logarithms) {
    TopKArrays arrays{{ids, 2, "[m, k]"}, {probs, 2, "[m, k]"}, std::nullopt, logarithms};
    if (weights) arrays.weights = open_weights(*weights);
    return arrays;
}

TopKArrays open_file(const std::string& path, TopKSettings& settings) {
    const SafetensorsFile file(path);
    const std::string name = printable(std::filesystem::path(path));
    const bool logarithms = file.has("log_probs");
    if (logarithms == file.has("probs"))
        throw InputError(fmt::format("{}: must have one of the tensors 'probs' and 'log_probs'; it holds {}",
                                     name, file.tensor_names()));
    if (!settings.vocab_size && file.metadata().contains("vocab_size")) {
        settings.vocab_size = file.metadata_number<std::int64_t>("vocab_size");
        if (!settings.vocab_size || *settings.vocab_size < 1 || *settings.vocab_size > INT32_MAX)
            throw InputError(
                fmt::format("{}: the metadata 'vocab_size' is '{}'; it must be a whole number from 1 to {}",
                            name, printable(std::string_view(file.metadata().at("vocab_size"))), INT32_MAX));
    }
    std::optional<ArrayName> weights;
    if (file.has("weights")) weights = {path, "weights"};
    return opened({path, "ids"}, {path, logarithms ? "log_probs" : "probs"}, weights, logarithms);
}

TopKArrays open_arrays(const TopKFiles& files, TopKSettings& settings) {
    const bool named = files.ids || files.probs || files.log_probs || files.weights;
    if (files.file && named)
        throw InputError(
            "topk: give either FILE, or --ids with --probs or --log-probs (and --weights), not both");
    if (files.file) return open_file(*files.file, settings);
    if (!files.ids || files.probs.has_value() == files.log_probs.has_value())
        throw InputError("topk: give FILE, or --ids and one of --probs and --log-probs");
    std::optional<ArrayName> weights;
    if (files.weights) weights = array_name(*files.weights, "array");
    return opened(array_name(*files.ids, "array"),
                  array_name(files.probs ? *files.probs : *files.log_probs, "array"), weights,
                  files.log_probs.has_value());
}

void check_shapes(const TopKArrays& arrays) {
    arrays.ids.require_whole_numbers();
    arrays.probs.require_floats();
    const std::vector<std::int64_t>& shape = arrays.ids.shape();
    if (arrays.probs.shape() != shape)
        throw InputError(fmt::format("{}: is [{}], but {} is [{}]; both must be [m, k]", arrays.probs.name(),
                                     fmt::join(arrays.probs.shape(), ", "), arrays.ids.name(),
                                     fmt::join(shape, ", ")));
    if (shape[0] < 1 || shape[1] < 1)
        throw InputError(fmt::format("{}: is [{}]; at least one context of one word is needed",
                                     arrays.ids.name(), fmt::join(shape, ", ")));
    if (!arrays.weights) return;
    arrays.weights->require_floats();
    if (arrays.weights->shape()[0] != shape[0])
        throw InputError(fmt::format("{}: is [{}]; it must be [{}], a weight a context",
                                     arrays.weights->name(), arrays.weights->shape()[0], shape[0]));
}

TopKArrays open_checked(const TopKFiles& files, TopKSettings& settings) {
    TopKArrays arrays = open_arrays(files, settings);
    check_shapes(arrays);
    return arrays;
}

TopKCollector collector_of(const TopKArrays& arrays, const TopKSettings& settings) {
    return {settings,
            {.where = arrays.probs.name(),
             .ids = arrays.ids.name() + ": ids",
             .probs = arrays.probs.name() + (arrays.logarithms ? ": log_probs" : ": probs"),
             .weights = arrays.weights ? arrays.weights->name() + ": weights" : "",
             .logarithms = arrays.logarithms,
             .roundoff = arrays.probs.roundoff(),
             .strict = true}};
}

/// The first `contexts`.
void collect(const TopKArrays& arrays, std::int64_t contexts, TopKCollector& collector) {
    const std::int64_t k = arrays.ids.shape()[1], block = std::max<std::int64_t>(1, block_entries / k);
    std::vector<std::int64_t> ids;
    std::vector<double> probs;
    for (std::int64_t begin = 0; begin < contexts; begin += block) {
        const auto entries = static_cast<std::size_t>(std::min(block, contexts - begin) * k);
        ids.resize(entries);
        probs.resize(entries);
        arrays.ids.read(begin * k, ids);
        arrays.probs.read(begin * k, probs);
        for (std::size_t at = 0; at < entries; at += static_cast<std::size_t>(k))
            collector.add(std::span(ids).subspan(at, static_cast<std::size_t>(k)),
                          std::span(probs).subspan(at, static_cast<std::size_t>(k)));
    }
}

}  // namespace

TopKBound bound_of_topk(const TopKFiles& files, TopKSettings settings) {
    const TopKArrays arrays = open_checked(files, settings);
    const std::int64_t contexts = arrays.ids.shape()[0], k = arrays.ids.shape()[1];
    return {{contexts, static_cast<double>(contexts * k)},
            std::max(block_entries, k) * 16 + contexts * 16};  // a block; weights and masses
}

void read_first_of_topk(const TopKFiles& files, TopKSettings settings, std::int64_t contexts) {
    const TopKArrays arrays = open_checked(files, settings);
    TopKCollector collector = collector_of(arrays, settings);
    collect(arrays, contexts, collector);
}

Dataset read_topk(const TopKFiles& files, TopKSettings settings, std::string& lines) {
    const TopKArrays arrays = open_checked(files, settings);
    const std::int64_t contexts = arrays.ids.shape()[0], k = arrays.ids.shape()[1];
    TopKCollector collector = collector_of(arrays, settings);
    collector.expect(contexts, contexts * k);
    collect(arrays, contexts, collector);
    std::vector<double> weights;
    if (arrays.weights) {
        weights.resize(static_cast<std::size_t>(contexts));
        arrays.weights->read(0, weights);
    }
    lines += fmt::format(
        "{:<12}{:.4g} of a context, on average, is on words beyond its {} ({})\n", "missing",
        collector.mean_missing_mass(), k,
        settings.missing == MissingMass::fold ? "folded into its weight" : "its labels brought to 1");
    return collector.finish(weights, fmt::format("topk: {} words a context", k));
}

}  // namespace ntpgeo
