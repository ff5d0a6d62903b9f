// A teacher's top-k as the loss step's labels (ntpgeo.h).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "engine/data/topk.hpp"
#include "kernels/base/stored.hpp"
#include "library/errors.hpp"

namespace ntpgeo {
namespace {

/// Entry number `at` of an array of the caller's; `type` has been looked at.
double number_at(const void* array, int type, std::int64_t at) {
    switch (type) {
        case NTPGEO_BFLOAT16:
            return widened_bf16(static_cast<const std::uint16_t*>(array)[at]);
        case NTPGEO_FLOAT16:
            return widened_fp16(static_cast<const std::uint16_t*>(array)[at]);
        case NTPGEO_FLOAT32:
            return static_cast<const float*>(array)[at];
        default:
            return static_cast<const double*>(array)[at];
    }
}
std::int64_t id_at(const ntpgeo_teacher& teacher, std::int64_t at) {
    return teacher.ids_type == NTPGEO_INT32 ? static_cast<const std::int32_t*>(teacher.ids)[at]
                                            : static_cast<const std::int64_t*>(teacher.ids)[at];
}

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

/// The entries of a context by word, each once, and their mass, which is NaN where one of them is no
/// probability.
double read_row(const ntpgeo_teacher& teacher, std::int64_t context, std::vector<TopKEntry>& row) {
    row.clear();
    bool whole = true;
    for (std::int64_t i = 0; i < teacher.k; ++i) {
        const std::int64_t at = context * teacher.k + i, id = id_at(teacher, at);
        if (id < 0 || id == teacher.ignore) continue;
        if (id >= teacher.vocab_size)
            throw InputError(fmt::format("indices[{}, {}] is {}; it must be below the {} words", context, i,
                                         id, teacher.vocab_size));
        const double given = number_at(teacher.probs, teacher.probs_type, at),
                     p = teacher.logarithms ? std::exp(given) : given;
        if (!(p >= 0) || !std::isfinite(p)) {
            if (teacher.check)
                throw InputError(
                    teacher.logarithms
                        ? fmt::format("probs[{}, {}] is {}; it must be a logarithm or -infinity", context, i,
                                      given)
                        : fmt::format("probs[{}, {}] is {}; it must be a number >= 0", context, i, p));
            whole = false;
        } else if (p >= std::numeric_limits<double>::min()) {
            row.emplace_back(id, p);
        }
    }
    const double mass = merge_duplicates(row);
    return whole ? mass : nothing;
}

/// The tail's mass beside entries of the mass `mu`.
double tail_of(const ntpgeo_teacher& teacher, std::int64_t context, double mu) {
    if (teacher.tail == NTPGEO_TAIL_REST) return std::max(0.0, 1 - mu);
    if (teacher.tail != NTPGEO_TAIL_GIVEN) return 0;
    const double tail = teacher.tails[context];
    if (tail >= 0 && std::isfinite(tail)) return tail;
    if (teacher.check)
        throw InputError(fmt::format("tail[{}] is {}; it must be a number >= 0", context, tail));
    return nothing;
}

void write_rows(const ntpgeo_teacher& teacher, const ntpgeo_loss_rows& out) {
    std::vector<TopKEntry> row;
    out.indptr[0] = 0;
    for (std::int64_t j = 0; j < teacher.contexts; ++j) {
        const double mu = read_row(teacher, j, row), tail = tail_of(teacher, j, mu), mass = mu + tail;
        std::int64_t end = out.indptr[j];
        double entropy = 0;
        // A context with nothing, or with a tail alone, has no words to be held against.
        const bool empty = row.empty();
        if (empty) row.emplace_back(0, 1.0);
        const double share = empty ? 0 : tail / mass, scale = empty ? 1 : 1 / mu;
        for (const auto& [word, p] : row) {
            out.indices[end] = static_cast<std::int32_t>(word);
            out.probs[end++] = p * scale;
            entropy -= (1 - share) * p * scale * std::log((1 - share) * p * scale);
        }
        if (share > 0) entropy -= share * std::log(share);
        out.indptr[j + 1] = end;
        out.masses[j] = empty && !std::isnan(mass) ? 0 : mass;
        // Every divergence of a context with nothing is finite, so that a weight of 0 leaves none of it.
        out.tails[j] = empty && teacher.tail != NTPGEO_TAIL_NONE ? 0.5 : std::isnan(share) ? 0 : share;
        out.entropies[j] = entropy;
    }
}

void require_type(int type, bool known, const char* name) {
    if (!known) throw InputError(fmt::format("{}: type {} cannot be read", name, type));
}

}  // namespace
}  // namespace ntpgeo

extern "C" int ntpgeo_loss_labels(const ntpgeo_teacher* teacher, const ntpgeo_loss_rows* rows) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(teacher, "teacher");
        ntpgeo::require(rows, "rows");
        ntpgeo::require_size(teacher->size, sizeof(ntpgeo_teacher), "ntpgeo_teacher");
        ntpgeo::require_size(rows->size, sizeof(ntpgeo_loss_rows), "ntpgeo_loss_rows");
        ntpgeo::require(teacher->ids, "ids");
        ntpgeo::require(teacher->probs, "probs");
        ntpgeo::require_type(teacher->ids_type,
                             teacher->ids_type == NTPGEO_INT32 || teacher->ids_type == NTPGEO_INT64, "ids");
        ntpgeo::require_type(teacher->probs_type,
                             teacher->probs_type >= NTPGEO_FLOAT32 && teacher->probs_type <= NTPGEO_FLOAT16,
                             "probs");
        if (teacher->tail == NTPGEO_TAIL_GIVEN) ntpgeo::require(teacher->tails, "tails");
        if (teacher->contexts < 1 || teacher->k < 1 || teacher->vocab_size < 1)
            throw ntpgeo::InputError("a teacher has a context, an entry and a word at least");
        const bool room =
            rows->indptr && rows->indices && rows->probs && rows->masses && rows->tails && rows->entropies;
        if (!room) throw ntpgeo::InputError("rows: has an array that is NULL");
        ntpgeo::write_rows(*teacher, *rows);
    });
}
