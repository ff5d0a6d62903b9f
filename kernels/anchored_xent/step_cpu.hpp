// One loss step on the CPU: a function of a call and of the memory that it works in. What trains and what a
// framework calls both come here.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <type_traits>

#include "kernels/anchored_xent/loss_call.hpp"
#include "kernels/anchored_xent/workspace_cpu.hpp"
#include "kernels/cpu/blas.hpp"
#include "kernels/cpu/rows.hpp"
#include "kernels/cpu/team.hpp"
#include "kernels/device/region_clock.hpp"
#include "kernels/softmax/softmax_cpu.hpp"

namespace ntpgeo::anchored_xent {

/// One call, shared by all threads. T: the master's type, which all four matrices have, row after row.
template <class T>
struct Call {
    const T* words;
    const T* contexts;
    T* words_gradient;     // null: not wanted
    T* contexts_gradient;  // null: not wanted
    double lambda, upstream;
    double* excess;        // [m], null: not wanted
    double* missing_mass;  // [m], likewise
    LossDetail detail;
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

/// G: GEMM.
template <class T, class G>
class StepCpu {
  public:
    /// Only to run it once.
    StepCpu(const Layout& layout, const LabelsView& labels, const WorkspaceCpu<G>& work)
        : labels_(labels),
          dim_(layout.dim),
          threads_(static_cast<int>(layout.threads)),
          chunking_{labels.contexts, layout.chunking.chunk, layout.chunking.chunks_per_group},
          stride_(layout.stride),
          work_(work) {}

    LossSums run(const Call<T>& call) const {
        if (call.detail.wanted()) find_mean_word(call.words);
        const G* gemm_words = convert_words(call.words);
        const bool team = labels_.vocab_size * labels_.contexts * dim_ > 8 * worth_a_team;
        const int threads = team ? threads_ : 1;
        share_loop(chunking_.groups(), 1, threads, [&](Parts& parts) {
            Scratch<G> scratch = work_.scratch(parts.thread());
            for_each_of(parts, [&](std::int64_t group) {
                const RegionClock clock(Region::group, threads);
                for (std::int64_t chunk = chunking_.group_begin(group); chunk < chunking_.group_end(group);
                     ++chunk)
                    run_chunk(call, gemm_words, group, chunk, threads, scratch);
            });
        });
        if (call.words_gradient) sum_partials(call);
        LossSums sums;
        for (std::int64_t chunk = 0; chunk < chunking_.chunks(); ++chunk) {
            sums.excess_loss += work_.chunk_excess[chunk];
            sums.off_support_mass += work_.chunk_mass[chunk];
        }
        return sums;
    }

  private:
    void find_mean_word(const T* words) const {
        double* const mean = work_.mean_word;
        std::fill_n(mean, dim_, 0.0);
        for (std::int64_t v = 0; v < labels_.vocab_size; ++v)
            for (std::int64_t k = 0; k < dim_; ++k) mean[k] += words[v * dim_ + k];
        for (std::int64_t k = 0; k < dim_; ++k) mean[k] /= static_cast<double>(labels_.vocab_size);
    }

    const G* convert_words(const T* words) const {
        if constexpr (std::is_same_v<T, G>) {
            return words;
        } else {
            for_each(labels_.vocab_size, 64, team_for(labels_.vocab_size * dim_),
                     [&](std::int64_t v) { convert_row(words + v * dim_, work_.words + v * dim_, dim_); });
            return work_.words;
        }
    }

    const G* convert_contexts(const T* contexts, std::int64_t size, Scratch<G>& scratch) const {
        if constexpr (std::is_same_v<T, G>) {
            return contexts;
        } else {
            convert_row(contexts, scratch.contexts, size);
            return scratch.contexts;
        }
    }

    void run_chunk(const Call<T>& call, const G* gemm_words, std::int64_t group, std::int64_t chunk,
                   int threads, Scratch<G>& scratch) const {
        const std::int64_t begin = chunking_.chunk_begin(chunk);
        const std::int64_t size = chunking_.chunk_end(chunk) - begin;
        const std::int64_t vocab = labels_.vocab_size;
        const G* gemm_contexts = convert_contexts(call.contexts + begin * dim_, size * dim_, scratch);
        std::fill_n(scratch.logits, size * stride_, G{0});
        {
            const RegionClock clock(Region::product, threads);
            gemm(CblasNoTrans, CblasTrans, size, vocab, dim_, G{1}, gemm_contexts, dim_, gemm_words, dim_,
                 G{1}, scratch.logits, stride_);
        }
        support_terms(call, begin, size, scratch);
        work_.chunk_excess[chunk] = work_.chunk_mass[chunk] = 0;
        {
            const RegionClock clock(Region::stream, threads);
            for (std::int64_t b = 0; b < size; b += row_padding)
                exponentiate(call, gemm_contexts, gemm_words, begin, b, std::min(size, b + row_padding),
                             chunk, scratch);
        }
        if (call.words_gradient || call.contexts_gradient)
            multiply_gradients(call, gemm_contexts, gemm_words, begin, size,
                               chunk == chunking_.group_begin(group), group, threads, scratch);
    }

    // Step 1 of design 4.1: the support logits in master precision, the anchors, and all that the labels
    // alone decide. After the product, so that it need not be sampled where it is in master precision.
    void support_terms(const Call<T>& call, std::int64_t begin, std::int64_t size,
                       Scratch<G>& scratch) const {
        const std::int64_t base = labels_.indptr[begin];
        double* const logits = scratch.support.logits;
        for (std::int64_t b = 0; b < size; ++b) {
            const std::int64_t first = labels_.indptr[begin + b] - base,
                               end = labels_.indptr[begin + b + 1] - base;
            if constexpr (std::is_same_v<G, double>) {  // the product has them already
                const G* row = scratch.logits + b * stride_;
                for (std::int64_t s = first; s < end; ++s) logits[s] = row[labels_.indices[base + s]];
            } else {
                sample_row(call.words, dim_, labels_.indices + base + first, end - first,
                           call.contexts + (begin + b) * dim_, logits + first);
            }
        }
        if (call.detail.wanted())
            std::copy_n(logits, labels_.indptr[begin + size] - base, call.detail.support_logits + base);
        support_softmax(labels_, begin, size, SupportRounding::reciprocal, scratch.support, scratch.terms,
                        nullptr);
    }

    void record_detail(const Call<T>& call, std::int64_t context, const G* row) const {
        double mean = 0;
        for (std::int64_t k = 0; k < dim_; ++k)
            mean += work_.mean_word[k] * call.contexts[context * dim_ + k];
        const RowSpread spread = spread_row(row, labels_.vocab_size, mean);
        call.detail.mean_logits[context] = mean;
        call.detail.off_support_max[context] = spread.maximum;
        call.detail.off_support_square[context] = spread.square;
    }

    // Steps 3 and 4 for the contexts [first, last) of a chunk, at most row_padding of them: few enough to be
    // in cache when the support entries follow, enough for a vectorised log1p.
    void exponentiate(const Call<T>& call, const G* gemm_contexts, const G* gemm_words, std::int64_t begin,
                      std::int64_t first, std::int64_t last, std::int64_t chunk, Scratch<G>& scratch) const {
        double ratio[row_padding] = {}, log1p_ratio[row_padding] = {};
        const auto row_of = [&](std::int64_t b) {
            return Row<G>(labels_, begin + b, scratch.logits + b * stride_, stride_);
        };
        for (std::int64_t b = first; b < last; ++b) {
            const Row<G> row = row_of(b);
            row.mask();
            if (call.detail.wanted()) record_detail(call, begin + b, row.data);
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
            work_.chunk_excess[chunk] += weight * normal.excess;
            work_.chunk_mass[chunk] += weight * normal.off_support_mass;
            if (call.excess) call.excess[begin + b] = normal.excess;
            if (call.missing_mass) call.missing_mass[begin + b] = normal.off_support_mass;
            finish_support(begin, begin + b, normal, row.data, scratch);
            scratch.scale[b] = normal.scale;
        }
    }

    void finish_support(std::int64_t begin, std::int64_t context, const Normalisation& normal, G* row,
                        const Scratch<G>& scratch) const {
        const std::int64_t first = labels_.indptr[context];
        const double* residual = scratch.support.residual + (first - labels_.indptr[begin]);
        for (std::int64_t s = 0; s < labels_.indptr[context + 1] - first; ++s)
            row[labels_.indices[first + s]] = static_cast<G>(normal.residual_weight * residual[s] -
                                                             labels_.probs[first + s] * normal.ratio);
    }

    // OpenBLAS's own clearing of C is slow, so every product here adds onto memory that was filled before.
    // Step 5: dW += Ĝᵀ·(D·H_B), dH_B = D·(Ĝ·W) + λ H_B.
    void multiply_gradients(const Call<T>& call, const G* gemm_contexts, const G* gemm_words,
                            std::int64_t begin, std::int64_t size, bool first, std::int64_t group,
                            int threads, Scratch<G>& scratch) const {
        const std::int64_t vocab = labels_.vocab_size;
        if (call.words_gradient) {
            for (std::int64_t b = 0; b < size; ++b)
                scale_row(static_cast<G>(scratch.scale[b]), gemm_contexts + b * dim_,
                          scratch.scaled + b * dim_, dim_);
            G* partial = work_.partial + group * vocab * dim_;
            if (first) std::fill_n(partial, vocab * dim_, G{0});
            const RegionClock clock(Region::product, threads);
            gemm(CblasTrans, CblasNoTrans, vocab, dim_, size, G{1}, scratch.logits, stride_, scratch.scaled,
                 dim_, G{1}, partial, dim_);
        }
        if (!call.contexts_gradient) return;
        std::fill_n(scratch.gradient, size * dim_, G{0});
        {
            const RegionClock clock(Region::product, threads);
            gemm(CblasNoTrans, CblasNoTrans, size, dim_, vocab, G{1}, scratch.logits, stride_, gemm_words,
                 dim_, G{1}, scratch.gradient, dim_);
        }
        for (std::int64_t b = 0; b < size; ++b) {
            const std::int64_t row = (begin + b) * dim_;
            combine_row(call.upstream * scratch.scale[b], scratch.gradient + b * dim_, call.lambda,
                        call.contexts + row, call.contexts_gradient + row, dim_);
        }
    }

    // The groups' dW, added in fp64 in the order of the groups, plus λW.
    void sum_partials(const Call<T>& call) const {
        const std::int64_t size = labels_.vocab_size * dim_;
        constexpr std::int64_t block = 1024;
        for_each((size + block - 1) / block, 8, team_for(size), [&](std::int64_t k) {
            const std::int64_t start = k * block;
            const std::int64_t count = std::min(block, size - start);
            double sum[block];
            convert_row(work_.partial + start, sum, count);
            for (std::int64_t group = 1; group < chunking_.groups(); ++group)
                combine_row(1.0, work_.partial + group * size + start, 1.0, sum, sum, count);
            combine_row(call.upstream, sum, call.lambda, call.words + start, call.words_gradient + start,
                        count);
        });
    }

    LabelsView labels_;
    std::int64_t dim_;
    int threads_;
    Chunking chunking_;
    std::int64_t stride_;
    const WorkspaceCpu<G>& work_;
};

}  // namespace ntpgeo::anchored_xent
