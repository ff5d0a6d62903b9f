#include "engine/data/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <string_view>
#include <unordered_map>

#include "kernels/base/status.hpp"
#include "kernels/cpu/team.hpp"

namespace ntpgeo {
namespace {

// Neumaier's compensated sum: right to a rounding or two whatever the number of terms.
class LongSum {
  public:
    void add(double term) {
        const double next = sum_ + term;
        compensation_ += std::abs(sum_) >= std::abs(term) ? (sum_ - next) + term : (term - next) + sum_;
        sum_ = next;
    }
    [[nodiscard]] double value() const { return sum_ + compensation_; }

  private:
    double sum_ = 0, compensation_ = 0;
};

constexpr double accepted_deviation = 1e-5;

// Renormalises values whose sum is off by no more than accepted_deviation, and returns the sum they had. A
// sum within the rounding of its terms is left alone: what was renormalised once stays as it is for ever.
double settle_sum(std::span<double> values) {
    constexpr double rounding = 4 * std::numeric_limits<double>::epsilon();
    LongSum total;
    for (const double value : values) total.add(value);
    const double sum = total.value();
    const double deviation = std::abs(sum - 1);
    if (deviation > rounding && deviation <= accepted_deviation) {
        for (double& value : values) value /= sum;
    }
    return sum;
}

// NaN fails, too.
bool is_proper(double value, double least) {
    return value >= least && value <= std::numeric_limits<double>::max();
}

std::size_t first_improper(std::span<const double> values, double least) {
    const auto found =
        std::find_if(values.begin(), values.end(), [&](double value) { return !is_proper(value, least); });
    return static_cast<std::size_t>(found - values.begin());
}

std::string_view fault_of(double value) {
    if (std::isnan(value)) return "is not a number";
    if (std::isinf(value)) return "is not finite";
    return value > 0 ? "is subnormal" : "is not positive";
}

void require_length(std::size_t length, std::size_t expected, std::string_view what, std::string_view reason,
                    const std::string& where) {
    if (length == expected) return;
    throw InputError(
        fmt::format("{}: {} has length {}; it must have {} ({})", where, what, length, expected, reason));
}

void check_lengths(const Dataset& dataset, const std::string& where) {
    if (dataset.vocab_size < 1 || dataset.vocab_size > std::numeric_limits<std::int32_t>::max()) {
        throw InputError(fmt::format("{}: vocab_size is {}; it must be from 1 to {}", where,
                                     dataset.vocab_size, std::numeric_limits<std::int32_t>::max()));
    }
    const std::size_t contexts = dataset.context_probs.size();
    if (contexts == 0) throw InputError(fmt::format("{}: has no context; at least one is needed", where));
    require_length(dataset.indptr.size(), contexts + 1, "indptr", "contexts + 1", where);
    require_length(dataset.probs.size(), dataset.indices.size(), "probs", "as indices", where);
    if (!dataset.counts.empty()) {
        require_length(dataset.counts.size(), dataset.indices.size(), "counts", "as indices", where);
    }
    if (!dataset.vocab.empty()) {
        require_length(dataset.vocab.size(), static_cast<std::size_t>(dataset.vocab_size), "vocab",
                       "vocab_size", where);
    }
    const std::size_t tokens = dataset.context_tokens.size();
    const bool divides = dataset.context_length > 0 && tokens % contexts == 0 &&
                         tokens / contexts == static_cast<std::size_t>(dataset.context_length);
    if (dataset.context_length < 0 || (tokens > 0 && !divides)) {
        throw InputError(fmt::format("{}: context_tokens has {} entries for {} contexts of length {}", where,
                                     tokens, contexts, dataset.context_length));
    }
}

void check_support(const Dataset& dataset, std::int64_t context, const std::string& where) {
    std::int64_t previous = -1;
    for (std::int64_t i = dataset.indptr[context]; i < dataset.indptr[context + 1]; ++i) {
        const std::int64_t token = dataset.indices[i];
        if (token < 0 || token >= dataset.vocab_size) {
            throw InputError(fmt::format("{}: indices[{}] of context {} is {}; it must be from 0 to {}",
                                         where, i, context, token, dataset.vocab_size - 1));
        }
        if (token <= previous) {
            throw InputError(fmt::format(
                "{}: indices[{}] of context {} is {}, {}; they must increase", where, i, context, token,
                token == previous ? std::string("a repetition") : fmt::format("after {}", previous)));
        }
        previous = token;
    }
}

void check_probs(Dataset& dataset, std::int64_t context, const std::string& where) {
    const std::int64_t begin = dataset.indptr[context];
    const auto size = static_cast<std::size_t>(dataset.support_size(context));
    const std::span<double> probs(dataset.probs.data() + begin, size);
    const double sum = settle_sum(probs);
    const std::size_t bad = first_improper(probs, std::numeric_limits<double>::min());
    if (bad < size) {
        throw InputError(fmt::format(
            "{}: probs[{}] of context {} is {}, which {}; probabilities must be normal, "
            "positive numbers",
            where, begin + static_cast<std::int64_t>(bad), context, probs[bad], fault_of(probs[bad])));
    }
    if (std::abs(sum - 1) > accepted_deviation) {
        throw InputError(fmt::format("{}: probs of context {} sum to {}; they must sum to 1 within {}", where,
                                     context, sum, accepted_deviation));
    }
}

void check_context_probs(Dataset& dataset, const std::string& where) {
    const double sum = settle_sum(dataset.context_probs);
    const std::size_t bad = first_improper(dataset.context_probs, std::numeric_limits<double>::min());
    if (bad < dataset.context_probs.size()) {
        throw InputError(
            fmt::format("{}: context_probs[{}] is {}, which {}; each must be a positive normal number", where,
                        bad, dataset.context_probs[bad], fault_of(dataset.context_probs[bad])));
    }
    if (std::abs(sum - 1) > accepted_deviation) {
        throw InputError(fmt::format("{}: context_probs sum to {}; they must sum to 1 within {}", where, sum,
                                     accepted_deviation));
    }
}

void check_counts(const Dataset& dataset, const std::string& where) {
    const auto bad = std::find_if(dataset.counts.begin(), dataset.counts.end(),
                                  [](std::int64_t count) { return count <= 0; });
    if (bad != dataset.counts.end()) {
        throw InputError(fmt::format("{}: counts[{}] is {}; it must be positive", where,
                                     bad - dataset.counts.begin(), *bad));
    }
}

void check_context_tokens(const Dataset& dataset, const std::string& where) {
    const auto bad =
        std::find_if(dataset.context_tokens.begin(), dataset.context_tokens.end(),
                     [&](std::int32_t token) { return token < 0 || token >= dataset.vocab_size; });
    if (bad != dataset.context_tokens.end()) {
        const std::int64_t position = bad - dataset.context_tokens.begin();
        throw InputError(fmt::format("{}: context_tokens[{}, {}] is {}; it must be from 0 to {}", where,
                                     position / dataset.context_length, position % dataset.context_length,
                                     *bad, dataset.vocab_size - 1));
    }
}

std::span<const std::int32_t> support(const Dataset& dataset, std::int64_t context) {
    return {dataset.indices.data() + dataset.indptr[context],
            static_cast<std::size_t>(dataset.support_size(context))};
}

// A multiply and a fold a token: equal supports hash alike, and the exact comparison decides.
std::size_t hash_of_support(std::span<const std::int32_t> tokens) {
    std::uint64_t hash = tokens.size();
    for (const std::int32_t token : tokens) {
        hash = (hash ^ static_cast<std::uint64_t>(token)) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 32;
    }
    return hash;
}

}  // namespace

void check_indptr(const std::vector<std::int64_t>& indptr, std::int64_t nnz, const std::string& where) {
    if (indptr.front() != 0) {
        throw InputError(fmt::format("{}: indptr begins with {}; it must begin with 0", where, indptr[0]));
    }
    const auto stall = std::adjacent_find(indptr.begin(), indptr.end(), std::greater_equal<>());
    if (stall != indptr.end()) {
        const auto context = stall - indptr.begin();
        throw InputError(
            stall[0] == stall[1]
                ? fmt::format("{}: context {} has an empty support; each needs a token", where, context)
                : fmt::format("{}: indptr decreases at context {} (from {} to {})", where, context, stall[0],
                              stall[1]));
    }
    if (indptr.back() != nnz) {
        throw InputError(fmt::format("{}: indptr ends with {}; it must end with {}, the length of indices",
                                     where, indptr.back(), nnz));
    }
}

void check_dataset(Dataset& dataset, const std::string& where) {
    check_lengths(dataset, where);
    check_indptr(dataset.indptr, dataset.nnz(), where);
    for (std::int64_t context = 0; context < dataset.contexts(); ++context) {
        check_support(dataset, context, where);
        check_probs(dataset, context, where);
    }
    check_context_probs(dataset, where);
    check_counts(dataset, where);
    check_context_tokens(dataset, where);
}

std::vector<double> context_entropies(const std::vector<std::int64_t>& indptr,
                                      const std::vector<double>& probs) {
    constexpr std::int64_t some_contexts = 64;
    std::vector<double> entropies(indptr.size() - 1);
    for_each(static_cast<std::int64_t>(entropies.size()), some_contexts,
             team_for(static_cast<std::int64_t>(probs.size())), [&](std::int64_t context) {
                 double of_context = 0;
                 for (std::int64_t i = indptr[context]; i < indptr[context + 1]; ++i)
                     of_context -= probs[i] * std::log(probs[i]);
                 entropies[context] = of_context;
             });
    return entropies;
}

double entropy(const Dataset& dataset) {
    const std::vector<double> entropies = context_entropies(dataset.indptr, dataset.probs);
    LongSum total;
    for (std::size_t context = 0; context < entropies.size(); ++context)
        total.add(dataset.context_probs[context] * entropies[context]);
    return total.value();
}

SupportClasses support_classes(const Dataset& dataset) {
    const auto hash = [&](std::int64_t context) { return hash_of_support(support(dataset, context)); };
    const auto same = [&](std::int64_t a, std::int64_t b) {
        return std::ranges::equal(support(dataset, a), support(dataset, b));
    };
    // Keyed by the first context of each class; the value is the class.
    std::unordered_map<std::int64_t, std::int64_t, decltype(hash), decltype(same)> known(16, hash, same);
    SupportClasses classes;
    classes.class_of.reserve(dataset.context_probs.size());
    for (std::int64_t context = 0; context < dataset.contexts(); ++context) {
        const auto [entry, is_new] = known.try_emplace(context, classes.count());
        if (is_new) {
            classes.size.push_back(0);
            classes.first.push_back(context);
        }
        classes.class_of.push_back(entry->second);
        ++classes.size[static_cast<std::size_t>(entry->second)];
    }
    return classes;
}

}  // namespace ntpgeo
