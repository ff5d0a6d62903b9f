#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <type_traits>
#include <vector>

#include "kernels/anchored_xent/anchored_xent.hpp"
#include "kernels/anchored_xent/workspace_cpu.hpp"
#include "kernels/base/status.hpp"
#include "kernels/cpu/blas.hpp"
#include "kernels/cpu/team.hpp"
#include "kernels/device/region_clock.hpp"
#include "kernels/softmax/softmax_cpu.hpp"

namespace ntpgeo {
namespace {

using namespace anchored_xent;
using namespace softmax;

// T: master, G: GEMM. The pointers of one call, shared by all threads.
template <class T>
struct Call {
    const T* words;
    const T* contexts;
    T* words_gradient;     // null: not wanted
    T* contexts_gradient;  // null: not wanted
    double lambda;
    const LossDetail* detail;
    int threads;
};

/// Maximum and Σ (z − mean)² over the elements of a row above −infinity, in the row's units.
struct RowSpread {
    double maximum;
    double square;
};
template <class T>
RowSpread spread_row(const T* row, std::int64_t size, double mean) {
    RowSpread result{-std::numeric_limits<double>::infinity(), 0};
    for (std::int64_t i = 0; i < size; ++i) {
        const double value = row[i];
        if (value == -std::numeric_limits<double>::infinity()) continue;
        result.maximum = std::max(result.maximum, value);
        result.square += (value - mean) * (value - mean);
    }
    return result;
}

template <class T, class G>
class LossStepCpu final : public LossStep {
  public:
    LossStepCpu(const LabelsView& labels, const Layout& layout)
        : labels_(labels),
          dim_(layout.dim),
          chunking_(layout.chunking),
          stride_(layout.stride),
          chunk_excess_(chunking_.chunks()),
          chunk_mass_(chunking_.chunks()) {
        for (std::int64_t thread = 0; thread < layout.threads; ++thread) scratch_.emplace_back(layout);
        if constexpr (!std::is_same_v<T, G>) words_ = AlignedArray<G>(labels.vocab_size * dim_);
        partial_ = AlignedArray<G>(chunking_.groups() * labels.vocab_size * dim_);
    }

    using LossStep::run;
    LossSums run(Matrix words, Matrix contexts, double lambda, Matrix words_gradient,
                 Matrix contexts_gradient, const LossDetail& detail) override {
        const bool team = labels_.vocab_size * labels_.contexts * dim_ > 8 * worth_a_team;
        const int threads = team ? static_cast<int>(scratch_.size()) : 1;
        const Call<T> call{words.as<T>(),
                           contexts.as<T>(),
                           words_gradient.as<T>(),
                           contexts_gradient.as<T>(),
                           lambda,
                           detail.wanted() ? &detail : nullptr,
                           threads};
        const std::vector<double> mean_word = call.detail ? mean_row(call.words) : std::vector<double>{};
        const G* gemm_words = convert_words(call.words);
        share_loop(chunking_.groups(), 1, threads, [&](Parts& parts) {
            for_each_of(parts, [&](std::int64_t group) {
                const RegionClock group_clock(Region::group, threads);
                for (std::int64_t chunk = chunking_.group_begin(group); chunk < chunking_.group_end(group);
                     ++chunk)
                    run_chunk(call, gemm_words, mean_word, group, chunk, scratch_[parts.thread()]);
            });
        });
        if (call.words_gradient) sum_partials(call);
        LossSums sums;
        for (std::int64_t chunk = 0; chunk < chunking_.chunks(); ++chunk) {
            sums.excess_loss += chunk_excess_[chunk];
            sums.off_support_mass += chunk_mass_[chunk];
        }
        sums_ = {sums.excess_loss, sums.off_support_mass};
        return sums;
    }
    void enqueue(Matrix words, Matrix contexts, const double* ridge, Matrix words_gradient,
                 Matrix contexts_gradient) override {
        run(words, contexts, *ridge, words_gradient, contexts_gradient);
    }
    [[nodiscard]] const double* sums() const override { return sums_.data(); }

  private:
    std::vector<double> mean_row(const T* words) const {
        std::vector<double> mean(dim_, 0.0);
        for (std::int64_t v = 0; v < labels_.vocab_size; ++v)
            for (std::int64_t k = 0; k < dim_; ++k) mean[k] += words[v * dim_ + k];
        for (double& value : mean) value /= static_cast<double>(labels_.vocab_size);
        return mean;
    }

    const G* convert_words(const T* words) {
        if constexpr (std::is_same_v<T, G>) {
            return words;
        } else {
            for_each(labels_.vocab_size, 64, team_for(labels_.vocab_size * dim_),
                     [&](std::int64_t v) { convert_row(words + v * dim_, words_.data() + v * dim_, dim_); });
            return words_.data();
        }
    }

    const G* convert_contexts(const T* contexts, std::int64_t size, Scratch<G>& scratch) const {
        if constexpr (std::is_same_v<T, G>) {
            return contexts;
        } else {
            convert_row(contexts, scratch.contexts.data(), size);
            return scratch.contexts.data();
        }
    }

    void run_chunk(const Call<T>& call, const G* gemm_words, const std::vector<double>& mean_word,
                   std::int64_t group, std::int64_t chunk, Scratch<G>& scratch) {
        const std::int64_t begin = chunking_.chunk_begin(chunk);
        const std::int64_t size = chunking_.chunk_end(chunk) - begin;
        const std::int64_t vocab = labels_.vocab_size;
        const G* gemm_contexts = convert_contexts(call.contexts + begin * dim_, size * dim_, scratch);
        std::fill_n(scratch.logits.data(), size * stride_, G{0});
        {
            const RegionClock clock(Region::product, call.threads);
            gemm(CblasNoTrans, CblasTrans, size, vocab, dim_, G{1}, gemm_contexts, dim_, gemm_words, dim_,
                 G{1}, scratch.logits.data(), stride_);
        }
        support_terms(call, begin, size, scratch);
        chunk_excess_[chunk] = chunk_mass_[chunk] = 0;
        {
            const RegionClock clock(Region::stream, call.threads);
            for (std::int64_t b = 0; b < size; b += row_padding)
                exponentiate(call, mean_word, gemm_contexts, gemm_words, begin, b,
                             std::min(size, b + row_padding), chunk, scratch);
        }
        if (call.words_gradient || call.contexts_gradient)
            multiply_gradients(call, gemm_contexts, gemm_words, begin, size,
                               chunk == chunking_.group_begin(group), group, scratch);
    }

    // Step 1 of design 4.1: the support logits in master precision, the anchors, and all that the labels
    // alone decide. After the product, so that it need not be sampled where it is in master precision.
    void support_terms(const Call<T>& call, std::int64_t begin, std::int64_t size,
                       Scratch<G>& scratch) const {
        const std::int64_t base = labels_.indptr[begin];
        double* const logits = scratch.support.logits.data();
        for (std::int64_t b = 0; b < size; ++b) {
            const std::int64_t first = labels_.indptr[begin + b] - base,
                               end = labels_.indptr[begin + b + 1] - base;
            if constexpr (std::is_same_v<G, double>) {  // the product has them already
                const G* row = scratch.logits.data() + b * stride_;
                for (std::int64_t s = first; s < end; ++s) logits[s] = row[labels_.indices[base + s]];
            } else {
                sample_row(call.words, dim_, labels_.indices + base + first, end - first,
                           call.contexts + (begin + b) * dim_, logits + first);
            }
        }
        if (call.detail)
            std::copy_n(logits, labels_.indptr[begin + size] - base, call.detail->support_logits + base);
        support_softmax(labels_, begin, size, SupportRounding::reciprocal, scratch.support,
                        scratch.terms.data(), nullptr);
    }

    void record_detail(const Call<T>& call, const std::vector<double>& mean_word, std::int64_t context,
                       const G* row) const {
        double mean = 0;
        for (std::int64_t k = 0; k < dim_; ++k) mean += mean_word[k] * call.contexts[context * dim_ + k];
        const RowSpread spread = spread_row(row, labels_.vocab_size, mean);
        call.detail->mean_logits[context] = mean;
        call.detail->off_support_max[context] = spread.maximum;
        call.detail->off_support_square[context] = spread.square;
    }

    // Steps 3 and 4 for the contexts [first, last) of a chunk, at most row_padding of them: few enough to be
    // in cache when the support entries follow, enough for a vectorised log1p.
    void exponentiate(const Call<T>& call, const std::vector<double>& mean_word, const G* gemm_contexts,
                      const G* gemm_words, std::int64_t begin, std::int64_t first, std::int64_t last,
                      std::int64_t chunk, Scratch<G>& scratch) {
        double ratio[row_padding] = {}, log1p_ratio[row_padding] = {};
        const auto row_of = [&](std::int64_t b) {
            return Row<G>(labels_, begin + b, scratch.logits.data() + b * stride_, stride_);
        };
        for (std::int64_t b = first; b < last; ++b) {
            const Row<G> row = row_of(b);
            row.mask();
            if (call.detail) record_detail(call, mean_word, begin + b, row.data);
            ratio[b - first] = log1p_ratio[b - first] = row.exponentiate(scratch.terms[b].anchor);
        }
        log1p_row(log1p_ratio, row_padding);
        for (std::int64_t b = first; b < last; ++b) {
            const Row<G> row = row_of(b);
            const double weight = labels_.context_probs[begin + b];
            const Normalisation normal =
                normalise_row(row, weight, scratch.terms[b], ratio[b - first], log1p_ratio[b - first], [&] {
                    const G* const embedding = gemm_contexts + b * dim_;
                    for (std::int64_t v = 0; v < row.vocab; ++v)
                        row.data[v] =
                            std::inner_product(embedding, embedding + dim_, gemm_words + v * dim_, G{0});
                });
            chunk_excess_[chunk] += weight * normal.excess;
            chunk_mass_[chunk] += weight * normal.off_support_mass;
            finish_support(begin, begin + b, normal, row.data, scratch);
            scratch.scale[b] = normal.scale;
        }
    }

    void finish_support(std::int64_t begin, std::int64_t context, const Normalisation& normal, G* row,
                        const Scratch<G>& scratch) const {
        const std::int64_t first = labels_.indptr[context];
        const double* residual = scratch.support.residual.data() + (first - labels_.indptr[begin]);
        for (std::int64_t s = 0; s < labels_.indptr[context + 1] - first; ++s)
            row[labels_.indices[first + s]] = static_cast<G>(normal.residual_weight * residual[s] -
                                                             labels_.probs[first + s] * normal.ratio);
    }

    // OpenBLAS's own clearing of C is slow, so every product here adds onto memory that was filled before.
    // Step 5: dW += Ĝᵀ·(D·H_B), dH_B = D·(Ĝ·W) + λ H_B.
    void multiply_gradients(const Call<T>& call, const G* gemm_contexts, const G* gemm_words,
                            std::int64_t begin, std::int64_t size, bool first, std::int64_t group,
                            Scratch<G>& scratch) {
        const std::int64_t vocab = labels_.vocab_size;
        if (call.words_gradient) {
            for (std::int64_t b = 0; b < size; ++b)
                scale_row(static_cast<G>(scratch.scale[b]), gemm_contexts + b * dim_,
                          scratch.scaled.data() + b * dim_, dim_);
            G* partial = partial_.data() + group * vocab * dim_;
            if (first) std::fill_n(partial, vocab * dim_, G{0});
            const RegionClock clock(Region::product, call.threads);
            gemm(CblasTrans, CblasNoTrans, vocab, dim_, size, G{1}, scratch.logits.data(), stride_,
                 scratch.scaled.data(), dim_, G{1}, partial, dim_);
        }
        if (!call.contexts_gradient) return;
        std::fill_n(scratch.gradient.data(), size * dim_, G{0});
        {
            const RegionClock clock(Region::product, call.threads);
            gemm(CblasNoTrans, CblasNoTrans, size, dim_, vocab, G{1}, scratch.logits.data(), stride_,
                 gemm_words, dim_, G{1}, scratch.gradient.data(), dim_);
        }
        for (std::int64_t b = 0; b < size; ++b) {
            const std::int64_t row = (begin + b) * dim_;
            combine_row(scratch.scale[b], scratch.gradient.data() + b * dim_, call.lambda,
                        call.contexts + row, call.contexts_gradient + row, dim_);
        }
    }

    // The groups' dW, added in fp64 in the order of the groups, plus λW.
    void sum_partials(const Call<T>& call) {
        const std::int64_t size = labels_.vocab_size * dim_;
        constexpr std::int64_t block = 1024;
        for_each((size + block - 1) / block, 8, team_for(size), [&](std::int64_t k) {
            const std::int64_t start = k * block;
            const std::int64_t count = std::min(block, size - start);
            double sum[block];
            convert_row(partial_.data() + start, sum, count);
            for (std::int64_t group = 1; group < chunking_.groups(); ++group)
                combine_row(1.0, partial_.data() + group * size + start, 1.0, sum, sum, count);
            combine_row(1.0, sum, call.lambda, call.words + start, call.words_gradient + start, count);
        });
    }

    LabelsView labels_;
    std::int64_t dim_;
    Chunking chunking_;
    std::int64_t stride_;
    std::vector<Scratch<G>> scratch_;   // one a thread
    AlignedArray<G> words_;             // [V, dim] W in GEMM precision, where that is not the master's
    AlignedArray<G> partial_;           // [groups, V, dim]
    std::vector<double> chunk_excess_;  // [chunks] Σ π_j excess_j
    std::vector<double> chunk_mass_;    // [chunks] Σ π_j · off-support mass
    std::array<double, 2> sums_{};      // of the last run
};

}  // namespace

bool CpuLossSteps::supports(Precision precision) const {
    return precision == Precision::fp32 || precision == Precision::fp64;
}

std::string CpuLossSteps::why_not(LossKernel kernel, Precision) const {
    return kernel == LossKernel::epilogue ? "the epilogue kernel needs a GPU" : "";
}

std::unique_ptr<LossStep> CpuLossSteps::make_loss_step(const LabelsView& labels, const LossPlan& plan) {
    if (!CpuLossSteps::supports(plan.precision))
        throw InputError("the CPU multiplies in fp32 or fp64; bf16, bf16x3 and tf32 need a GPU");
    if (const std::string refusal = CpuLossSteps::why_not(plan.kernel, plan.precision); !refusal.empty())
        throw InputError(refusal);
    const bool narrow = plan.precision == Precision::fp32;
    const Layout layout(labels, plan);
    if (plan.master == Real::fp32) {
        if (narrow) return std::make_unique<LossStepCpu<float, float>>(labels, layout);
        return std::make_unique<LossStepCpu<float, double>>(labels, layout);
    }
    if (narrow) return std::make_unique<LossStepCpu<double, float>>(labels, layout);
    return std::make_unique<LossStepCpu<double, double>>(labels, layout);
}

LossStepSize CpuLossSteps::loss_step_size(const LabelsView& labels, const LossPlan& plan) {
    const Layout layout(labels, plan);
    return {layout.bytes(), layout.chunking.chunk, layout.threads};
}

}  // namespace ntpgeo
