// ntpgeo_analyze and ntpgeo_concepts.
#include <span>

#include "engine/geometry/concepts.hpp"
#include "engine/geometry/entries.hpp"
#include "engine/machine/device.hpp"
#include "engine/runs/analysis.hpp"
#include "library/handles.hpp"

namespace ntpgeo {
namespace {

/// A caller's matrix [rows, columns], fit to be measured.
std::vector<double> taken(const double* values, std::int64_t rows, std::int64_t columns, const char* name) {
    require(values, name);
    const std::span<const double> all(values, static_cast<std::size_t>(rows * columns));
    require_measurable(all, rows, columns, name);
    return {all.begin(), all.end()};
}

void require_width(std::int64_t dim) {
    if (dim < 1) throw InputError(fmt::format("dim: is {}; W and H must have 1 column or more", dim));
}

Record analyzed(const Dataset& dataset, const double* words, const double* contexts, std::int64_t dim,
                AnalyzeSettings settings, const ntpgeo_result* limit) {
    check(settings_of(settings), "");
    require_width(dim);
    const std::vector<double> w = taken(words, dataset.vocab_size, dim, "words"),
                              h = taken(contexts, dataset.contexts(), dim, "contexts");
    const std::optional<LimitFactors> factors = given_limit(limit, dataset);
    const auto backend = make_backend(resolve_device(settings.device));
    return analysis_record(*backend, dataset, factors ? &*factors : nullptr, {w, h, dim, settings.step});
}

/// The signs of points [n, K] as numbers; those of points apart are 0.
std::vector<double> signs_of(const std::vector<double>& points, std::int64_t directions,
                             const std::vector<bool>& apart) {
    const std::vector<double> noise = coordinate_noise(points, directions, apart);
    std::vector<double> signs(points.size());
    const std::size_t step = noise.size();
    for (std::size_t i = 0; step > 0 && i < points.size() / step; ++i) {
        if (!apart.empty() && apart[i]) continue;
        const std::string row = coordinate_signs(&points[i * step], noise);
        for (std::size_t k = 0; k < step; ++k)
            signs[i * step + k] = row[k] == '+' ? 1 : row[k] == '-' ? -1 : 0;
    }
    return signs;
}

void find_concepts(const Dataset& dataset, const double* words, const double* contexts, std::int64_t dim,
                   ConceptSettings settings, ntpgeo_result& result) {
    check(settings_of(settings), "");
    if (contexts != nullptr) require(words, "words");
    std::vector<double> w, h;
    if (words != nullptr) {
        require_width(dim);
        w = taken(words, dataset.vocab_size, dim, "words");
        if (contexts != nullptr) h = taken(contexts, dataset.contexts(), dim, "contexts");
    }
    const auto backend = make_backend(resolve_device(settings.device));
    ConceptSpace space = words != nullptr ? factor_concepts(*backend, w, h, dim, settings.directions)
                                          : support_concepts(*backend, dataset, settings.directions);
    const std::int64_t count = space.count(), vocab = dataset.vocab_size;
    require_directions(space, words != nullptr, contexts != nullptr);
    const std::vector<bool> apart = words_that_never_follow(dataset);
    const auto column = [](const auto& flags) { return std::vector<double>(flags.begin(), flags.end()); };
    result.matrices["word_signs"] = {vocab, count, signs_of(space.words, count, apart)};
    if (!space.contexts.empty()) {
        result.matrices["context_signs"] = {dataset.contexts(), count, signs_of(space.contexts, count, {})};
        result.matrices["contexts"] = {dataset.contexts(), count, std::move(space.contexts)};
    }
    result.matrices["words"] = {vocab, count, std::move(space.words)};
    result.matrices["values"] = {count, 1, std::move(space.values)};
    result.matrices["tied"] = {count, 1, column(space.tied)};
    result.matrices["never_follows"] = {vocab, 1, column(apart)};
}

}  // namespace
}  // namespace ntpgeo

extern "C" {

int ntpgeo_analyze(const ntpgeo_dataset* data, const double* words, const double* contexts, int64_t dim,
                   const ntpgeo_settings* settings, const ntpgeo_result* limit, ntpgeo_result** result) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(result, "result");
        *result = nullptr;
        ntpgeo::require(data, "data");
        auto made = std::make_unique<ntpgeo_result>();
        made->add(ntpgeo::analyzed(data->data, words, contexts, dim,
                                   ntpgeo::settings_or_defaults(settings, "analyze").analyze, limit));
        made->reached = true;
        *result = made.release();
    });
}

int ntpgeo_concepts(const ntpgeo_dataset* data, const double* words, const double* contexts, int64_t dim,
                    const ntpgeo_settings* settings, ntpgeo_result** result) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(result, "result");
        *result = nullptr;
        ntpgeo::require(data, "data");
        auto made = std::make_unique<ntpgeo_result>();
        ntpgeo::find_concepts(data->data, words, contexts, dim,
                              ntpgeo::settings_or_defaults(settings, "concepts").concepts, *made);
        made->reached = true;
        *result = made.release();
    });
}
}
