#include "engine/geometry/concepts.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

#include "engine/data/labels.hpp"
#include "engine/geometry/implicit_matrix.hpp"
#include "engine/geometry/spectrum.hpp"

namespace ntpgeo {
namespace {

constexpr double zero_value = 1e-10;  // relative to σ₁, as the residuals are
constexpr double equal_values = 1e-6;
constexpr double equal_coordinates = 1e-9;  // relative to the largest of a direction
constexpr double signed_share = 0.2;

/// The largest absolute entry of each column of `points` [n, K].
std::vector<double> largest_entries(const std::vector<double>& points, std::size_t directions) {
    std::vector<double> largest(directions, 0.0);
    for (std::size_t i = 0; i < points.size(); ++i)
        largest[i % directions] = std::max(largest[i % directions], std::abs(points[i]));
    return largest;
}

/// `value` in units that are far above rounding, so that what is equal but for rounding ties, on every
/// machine.
std::int64_t on_grid(double value, double unit) {
    return unit > 0 ? std::llround(value / unit) : 0;
}

bool is_apart(const std::vector<bool>& apart, std::size_t point) {
    return !apart.empty() && apart[point];
}

/// A direction without any coordinate but 0 has noise 0, and no sign.
char sign_of(double coordinate, double noise) {
    return coordinate == 0 || std::abs(coordinate) < noise ? '0' : coordinate > 0 ? '+' : '-';
}

/// Turns each pair of vectors so that the first of the largest absolute entries on the words' side is
/// positive.
void fix_signs(ConceptSpace& space) {
    const std::size_t directions = space.values.size();
    const std::vector<double> largest = largest_entries(space.words, directions);
    for (std::size_t k = 0; k < directions; ++k) {
        std::size_t i = k;
        while (std::abs(space.words[i]) < (1 - equal_coordinates) * largest[k]) i += directions;
        if (space.words[i] > 0) continue;
        for (std::size_t a = k; a < space.words.size(); a += directions) space.words[a] = -space.words[a];
        for (std::size_t a = k; a < space.contexts.size(); a += directions)
            space.contexts[a] = -space.contexts[a];
    }
}

}  // namespace

ConceptSpace concept_space(Backend& backend, const ImplicitMatrix& matrix, std::int64_t count) {
    // One more than asked for tells whether the last is tied.
    const LeadingSpectrum spectrum = leading_spectrum(backend, matrix, count + 1, 0, 0);
    std::vector<double> values = spectrum.values;
    while (!values.empty() && !(values.back() > zero_value * values[0])) values.pop_back();

    ConceptSpace space;
    space.residual = spectrum.residual;
    const std::int64_t shorter = std::min(matrix.rows(), matrix.columns());
    const Matrix vectors =
        spectrum.vectors.matrix(Real::fp64, shorter, static_cast<std::int64_t>(spectrum.values.size()));
    const Directions directions =
        complete_directions(backend, matrix, vectors, spectrum.vectors_are_left, values, count);
    if (directions.count() == 0) return space;
    space.values = directions.values;
    for (std::size_t k = 0; k < space.values.size(); ++k) {
        const auto equal = [&](std::size_t a, std::size_t b) {
            return values[a] - values[b] <= equal_values * values[a];
        };
        space.tied.push_back((k > 0 && equal(k - 1, k)) || (k + 1 < values.size() && equal(k, k + 1)));
    }
    space.words = download_array<double>(backend, directions.left.data(), matrix.rows() * space.count());
    space.contexts =
        download_array<double>(backend, directions.right.data(), matrix.columns() * space.count());
    fix_signs(space);
    return space;
}

ConceptSpace support_concepts(Backend& backend, const Dataset& dataset, std::int64_t count) {
    if (dataset.nnz() == dataset.contexts() * dataset.vocab_size) return {};  // S̃ = 0, not to rounding
    const Labels labels(backend, dataset);
    return concept_space(backend, CentredSupport(backend, labels.view()), count);
}

ConceptSpace factor_concepts(Backend& backend, const std::vector<double>& words,
                             const std::vector<double>& contexts, std::int64_t dim, std::int64_t count) {
    const auto upload = [&](const std::vector<double>& values) { return upload_array(backend, values); };
    const auto rows = [&](const std::vector<double>& values) {
        return static_cast<std::int64_t>(values.size()) / dim;
    };
    const Array w = upload(words), mean(backend, dim * bytes_of(Real::fp64));
    const Matrix centred = w.matrix(Real::fp64, rows(words), dim);
    backend.column_means(centred, mean.vector(Real::fp64, dim));
    backend.subtract_row(mean.vector(Real::fp64, dim), centred);
    if (contexts.empty()) {
        ConceptSpace space = concept_space(backend, FactoredMatrix(backend, centred, std::nullopt), count);
        space.contexts.clear();
        return space;
    }
    const Array h = upload(contexts);
    return concept_space(backend, FactoredMatrix(backend, centred, h.matrix(Real::fp64, rows(contexts), dim)),
                         count);
}

const char* concept_matrix_name(bool has_words, bool has_contexts) {
    if (!has_words) return "centred support matrix";
    return has_contexts ? "centred logits" : "centred words";
}

void require_directions(const ConceptSpace& space, bool has_words, bool has_contexts) {
    if (space.count() > 0) return;
    throw InputError(std::string("concepts: the entries of the ") +
                     concept_matrix_name(has_words, has_contexts) + " are all 0: there are no directions" +
                     (has_words ? "" : " (every context can be followed by every word)"));
}

std::vector<bool> words_that_never_follow(const Dataset& dataset) {
    std::vector<bool> never(static_cast<std::size_t>(dataset.vocab_size), true);
    for (const std::int32_t word : dataset.indices) never[static_cast<std::size_t>(word)] = false;
    return never;
}

std::vector<double> coordinate_noise(const std::vector<double>& points, std::int64_t directions,
                                     const std::vector<bool>& apart) {
    const auto step = static_cast<std::size_t>(directions);
    std::vector<double> noise(step, 0.0);
    if (step == 0) return noise;
    std::size_t count = 0;
    for (std::size_t i = 0; i < points.size() / step; ++i) {
        if (is_apart(apart, i)) continue;
        ++count;
        for (std::size_t k = 0; k < step; ++k) noise[k] += points[i * step + k] * points[i * step + k];
    }
    // What lies on the threshold but for rounding has a sign.
    for (double& floor : noise)
        floor = count == 0
                    ? 0
                    : (1 - equal_coordinates) * std::sqrt(signed_share * floor / static_cast<double>(count));
    return noise;
}

std::string coordinate_signs(const double* point, const std::vector<double>& noise) {
    std::string signs;
    for (std::size_t k = 0; k < noise.size(); ++k) signs += sign_of(point[k], noise[k]);
    return signs;
}

AxisEnds axis_ends(const std::vector<double>& points, std::int64_t directions, std::int64_t axis,
                   std::int64_t most, const std::vector<bool>& apart) {
    const auto step = static_cast<std::size_t>(directions), column = static_cast<std::size_t>(axis);
    const double unit = equal_coordinates * largest_entries(points, step)[column];
    const double noise = coordinate_noise(points, directions, apart)[column];
    const auto furthest = [&](char sign) {
        const double side = sign == '+' ? 1 : -1;
        std::vector<std::int64_t> found;
        for (std::size_t i = 0; i < points.size() / step; ++i)
            if (!is_apart(apart, i) && sign_of(points[i * step + column], noise) == sign)
                found.push_back(static_cast<std::int64_t>(i));
        const auto place = [&](std::int64_t i) {
            return on_grid(side * points[static_cast<std::size_t>(i) * step + column], unit);
        };
        const auto kept = std::min<std::ptrdiff_t>(most, std::ssize(found));
        std::partial_sort(found.begin(), found.begin() + kept, found.end(),
                          [&](std::int64_t a, std::int64_t b) {
                              return place(a) != place(b) ? place(a) > place(b) : a < b;
                          });
        found.resize(static_cast<std::size_t>(kept));
        return found;
    };
    return {furthest('+'), furthest('-')};
}

std::vector<Orthant> orthants(const std::vector<double>& points, const std::vector<double>& values,
                              const std::vector<bool>& apart) {
    const std::size_t directions = values.size();
    if (directions == 0) return {};
    const std::vector<double> noise = coordinate_noise(points, static_cast<std::int64_t>(directions), apart);
    std::map<std::pair<std::string, bool>, std::vector<std::int64_t>> by_signs;
    for (std::size_t i = 0; i < points.size() / directions; ++i) {
        const bool stands_apart = is_apart(apart, i);
        const std::string signs =
            stands_apart ? std::string(directions, '0') : coordinate_signs(&points[i * directions], noise);
        by_signs[{signs, stands_apart}].push_back(static_cast<std::int64_t>(i));
    }

    const auto scaled_distance = [&](std::int64_t i, const std::vector<double>& from) {
        double square = 0;
        for (std::size_t k = 0; k < directions; ++k) {
            const double offset = points[static_cast<std::size_t>(i) * directions + k] - from[k];
            square += values[k] * offset * offset;
        }
        return std::sqrt(square);
    };
    const std::vector<double> origin(directions, 0.0);
    double size = 0;
    std::vector<std::int64_t> distance(points.size() / directions);  // in units of `unit`
    for (std::size_t i = 0; i < distance.size(); ++i)
        size = std::max(size, scaled_distance(static_cast<std::int64_t>(i), origin));
    const double unit = equal_coordinates * size;

    std::vector<Orthant> result;
    for (auto& [pattern, members] : by_signs) {
        std::vector<double> centre(directions, 0.0);
        for (const std::int64_t i : members)
            for (std::size_t k = 0; k < directions; ++k)
                centre[k] += points[static_cast<std::size_t>(i) * directions + k] /
                             static_cast<double>(members.size());
        for (const std::int64_t i : members)
            distance[static_cast<std::size_t>(i)] = on_grid(scaled_distance(i, centre), unit);
        // Members come in the order of their index, which a stable sort leaves to those that tie.
        std::stable_sort(members.begin(), members.end(), [&](std::int64_t a, std::int64_t b) {
            return distance[static_cast<std::size_t>(a)] < distance[static_cast<std::size_t>(b)];
        });
        result.push_back({pattern.first, std::move(members), pattern.second});
    }
    std::stable_sort(result.begin(), result.end(),
                     [](const Orthant& a, const Orthant& b) { return a.members.size() > b.members.size(); });
    return result;
}

}  // namespace ntpgeo
