#include "bench/cuda/known_problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <random>

#include "kernels/backend.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo::bench {
namespace {

constexpr double own_share = 0.5;  // of a word or context next to its block's centre
constexpr std::int64_t sampled_contexts = 8;

double dot(const float* a, const float* b, std::int64_t size) {
    double sum = 0;
    for (std::int64_t i = 0; i < size; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
}

double log_sum_exp(const double* values, std::int64_t size, double scale) {
    double largest = values[0], sum = 0;
    for (std::int64_t i = 1; i < size; ++i) largest = std::max(largest, values[i]);
    for (std::int64_t i = 0; i < size; ++i) sum += std::exp(scale * (values[i] - largest));
    return scale * largest + std::log(sum);
}

/// p ∝ exp(scale·z + size·noise) and KL(p ‖ softmax(scale·z)).
double noisy_softmax(const double* z, const double* noise, std::int64_t count, double scale, double size,
                     double* probs) {
    std::vector<double> noisy(static_cast<std::size_t>(count));
    for (std::int64_t s = 0; s < count; ++s)
        noisy[static_cast<std::size_t>(s)] = scale * z[s] + size * noise[s];
    const double clean_total = log_sum_exp(z, count, scale), total = log_sum_exp(noisy.data(), count, 1);
    double divergence = 0;
    for (std::int64_t s = 0; s < count; ++s) {
        const double log_p = noisy[static_cast<std::size_t>(s)] - total;
        probs[s] = std::exp(log_p);
        divergence += probs[s] * (log_p - (scale * z[s] - clean_total));
    }
    return divergence;
}

/// Where the monotone `value` passes `target`, between `low` and `high`.
template <class Value>
double bisect(double low, double high, double target, bool falling, const Value& value) {
    for (int i = 0; i < 40; ++i) {
        const double middle = 0.5 * (low + high);
        ((value(middle) > target) == falling ? low : high) = middle;
    }
    return high;
}

}  // namespace

std::string ProblemSize::name() const {
    return fmt::format("V:{}/m:{}/d:{}/k:{}", vocab, contexts, dim, support);
}

KnownProblem::KnownProblem(const ProblemSize& size) : size_(size), blocks_(size.vocab / size.support) {
    if (blocks_ < 2) throw Failure("a known state needs a vocabulary of two supports or more");
    states_[0].target = 1e-2;
    states_[1].target = 1e-4;
    cut_vocabulary();
    draw_factors();
    settle(states_[0], 10);
    settle(states_[1], 11);
}

void KnownProblem::cut_vocabulary() {
    block_words_.resize(static_cast<std::size_t>(size_.vocab));
    std::iota(block_words_.begin(), block_words_.end(), 0);
    std::shuffle(block_words_.begin(), block_words_.end(), std::mt19937_64(1));
    // The last block takes what is left over.
    const auto begin_of = [&](std::int64_t block) { return block_words_.begin() + block * size_.support; };
    for (std::int64_t block = 0; block < blocks_; ++block)
        std::sort(begin_of(block), block + 1 == blocks_ ? block_words_.end() : begin_of(block + 1));
    indptr_ = {0};
    for (std::int64_t j = 0; j < size_.contexts; ++j) {
        const std::int64_t block = j % blocks_;
        indices_.insert(indices_.end(), begin_of(block),
                        block + 1 == blocks_ ? block_words_.end() : begin_of(block + 1));
        indptr_.push_back(static_cast<std::int64_t>(indices_.size()));
    }
}

void KnownProblem::draw_factors() {
    const auto cpu = make_cpu_backend();
    const std::int64_t dim = size_.dim;
    const double scale = 1 / std::sqrt(static_cast<double>(dim));
    const auto draw = [&](std::vector<float>& values, std::int64_t rows, std::uint64_t stream, double share) {
        values.resize(static_cast<std::size_t>(rows * dim));
        cpu->fill_normal({values.data(), Real::fp32, rows * dim}, {1, stream}, share * scale);
    };
    std::vector<float> centres;
    draw(centres, blocks_, 0, 1);
    draw(words_, size_.vocab, 1, own_share);
    draw(contexts_, size_.contexts, 2, own_share);
#pragma omp parallel for
    for (std::int64_t i = 0; i < size_.vocab; ++i) {
        const std::int64_t block = std::min(i / size_.support, blocks_ - 1);
        for (std::int64_t c = 0; c < dim; ++c) words_[block_words_[i] * dim + c] += centres[block * dim + c];
    }
#pragma omp parallel for
    for (std::int64_t j = 0; j < size_.contexts; ++j)
        for (std::int64_t c = 0; c < dim; ++c) contexts_[j * dim + c] += centres[j % blocks_ * dim + c];
    support_logits_.resize(indices_.size());
#pragma omp parallel for schedule(dynamic, 64)
    for (std::int64_t j = 0; j < size_.contexts; ++j)
        for (std::int64_t s = indptr_[j]; s < indptr_[j + 1]; ++s)
            support_logits_[s] = dot(words_.data() + indices_[s] * dim, contexts_.data() + j * dim, dim);
}

std::vector<double> KnownProblem::logits_of(std::int64_t context) const {
    std::vector<double> logits(static_cast<std::size_t>(size_.vocab));
#pragma omp parallel for
    for (std::int64_t v = 0; v < size_.vocab; ++v)
        logits[v] = dot(words_.data() + v * size_.dim, contexts_.data() + context * size_.dim, size_.dim);
    return logits;
}

void KnownProblem::settle(KnownState& state, std::uint64_t seed) {
    // The off-support half, from a few contexts; a support of one word has no other half.
    std::vector<std::vector<double>> off_support;
    std::vector<std::int64_t> sample;
    for (std::int64_t i = 0; i < sampled_contexts; ++i)
        sample.push_back(i * size_.contexts / sampled_contexts);
    for (const std::int64_t j : sample) {
        off_support.push_back(logits_of(j));
        for (std::int64_t s = indptr_[j]; s < indptr_[j + 1]; ++s)
            off_support.back()[indices_[s]] = -HUGE_VAL;
    }
    const auto mean_off_support = [&](double scale) {
        double sum = 0;
        for (std::size_t i = 0; i < sample.size(); ++i) {
            const std::int64_t begin = indptr_[sample[i]], count = indptr_[sample[i] + 1] - begin;
            const double anchor = log_sum_exp(support_logits_.data() + begin, count, scale);
            double ratio = 0;
            for (const double logit : off_support[i]) ratio += std::exp(scale * logit - anchor);
            sum += std::log1p(ratio);
        }
        return sum / static_cast<double>(sample.size());
    };
    const double half = size_.support == 1 ? state.target : state.target / 2;
    double high = 1;
    while (mean_off_support(high) > half)
        if ((high *= 1.5) > 1000)
            throw Failure(
                fmt::format("no known state of {} has an excess of {}", size_.name(), state.target));
    state.scale = static_cast<float>(bisect(high / 1.5, high, half, true, mean_off_support));

    // The labels' half. The noise is drawn once, its size is found on the first contexts.
    std::vector<double> noise(indices_.size());
    make_cpu_backend()->fill_normal({noise.data(), Real::fp64, std::ssize(noise)}, {seed, 0}, 1);
    state.probs.resize(indices_.size());
    const auto divergence_of = [&](std::int64_t j, double size) {
        return noisy_softmax(support_logits_.data() + indptr_[j], noise.data() + indptr_[j],
                             indptr_[j + 1] - indptr_[j], state.scale, size, state.probs.data() + indptr_[j]);
    };
    const std::int64_t first = std::min<std::int64_t>(size_.contexts, 256);
    const auto mean_divergence = [&](double size) {
        double sum = 0;
        for (std::int64_t j = 0; j < first; ++j) sum += divergence_of(j, size);
        return sum / static_cast<double>(first);
    };
    const double size = size_.support == 1 ? 0 : bisect(0, 4, half, false, mean_divergence);
#pragma omp parallel for schedule(dynamic, 64)
    for (std::int64_t j = 0; j < size_.contexts; ++j) divergence_of(j, size);
}

Dataset KnownProblem::labels(int state, std::int64_t contexts) const {
    const std::vector<double>& probs = states_[static_cast<std::size_t>(state)].probs;
    const std::int64_t entries = indptr_[contexts];
    Dataset data;
    data.vocab_size = size_.vocab;
    data.indptr.assign(indptr_.begin(), indptr_.begin() + contexts + 1);
    data.indices.assign(indices_.begin(), indices_.begin() + entries);
    data.probs.assign(probs.begin(), probs.begin() + entries);
    data.context_probs.assign(static_cast<std::size_t>(contexts), 1.0 / static_cast<double>(contexts));
    return data;
}

double KnownProblem::error_of_context(int state, std::int64_t contexts, std::int64_t context,
                                      const double* contexts_gradient) const {
    const KnownState& known = states_[static_cast<std::size_t>(state)];
    const std::int64_t dim = size_.dim;
    std::vector<float> h(contexts_.begin() + context * dim, contexts_.begin() + (context + 1) * dim);
    for (float& x : h) x *= known.scale;
    std::vector<double> residual(static_cast<std::size_t>(size_.vocab));
    double total = 0;
    for (std::int64_t v = 0; v < size_.vocab; ++v)
        total += residual[v] = std::exp(dot(words_.data() + v * dim, h.data(), dim));
    for (double& value : residual) value /= total;
    for (std::int64_t s = indptr_[context]; s < indptr_[context + 1]; ++s)
        residual[indices_[s]] -= known.probs[s];
    std::vector<double> expected(static_cast<std::size_t>(dim));
    for (std::int64_t v = 0; v < size_.vocab; ++v)
        for (std::int64_t c = 0; c < dim; ++c)
            expected[c] += residual[v] / static_cast<double>(contexts) * words_[v * dim + c];
    double difference = 0, norm = 0;
    for (std::int64_t c = 0; c < dim; ++c) {
        difference += std::pow(contexts_gradient[context * dim + c] - expected[c], 2);
        norm += expected[c] * expected[c];
    }
    return std::sqrt(difference / norm);
}

}  // namespace ntpgeo::bench
