// One loss step on the CPU: a function of a call and of the memory that it works in. What trains and what a
// framework calls both come here.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <type_traits>

#include "kernels/anchored_xent/detail_cpu.hpp"
#include "kernels/anchored_xent/finish_cpu.hpp"
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
    // What a caller's step may have besides.
    const double* bias = nullptr;     // [V]
    double* bias_gradient = nullptr;  // [V]
    const double* tails = nullptr;    // [m]
    DivergenceOptions divergence{};
    bool adds_to_words_gradient = false;  // to what WorkspaceCpu::partial holds
};

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
          parts_(layout.parts),
          work_(work) {}

    LossSums run(const Call<T>& call) const {
        if (call.detail.wanted()) find_mean_word(call.words, labels_.vocab_size, dim_, work_.mean_word);
        const G* gemm_words = convert_words(call.words);
        if (call.bias) convert_row(call.bias, work_.bias, labels_.vocab_size);
        const bool team = labels_.vocab_size * labels_.contexts * dim_ > 8 * worth_a_team;
        const int threads = team ? threads_ : 1;
        // Threads share groups or, where there is one, its chunks' products and rows.
        share_loop(chunking_.groups(), 1, parts_ > 1 ? 1 : threads, [&](Parts& parts) {
            Scratch<G> scratch = work_.scratch(parts.thread());
            for_each_of(parts, [&](std::int64_t group) {
                const RegionClock clock(Region::group, threads);
                for (std::int64_t chunk = chunking_.group_begin(group); chunk < chunking_.group_end(group);
                     ++chunk)
                    run_chunk(call, gemm_words, group, chunk, threads, scratch);
            });
        });
        if (call.words_gradient) sum_partials(call);
        if (call.bias_gradient) sum_bias_partials(call);
        LossSums sums;
        for (std::int64_t chunk = 0; chunk < chunking_.chunks(); ++chunk) {
            sums.excess_loss += work_.chunk_excess[chunk];
            sums.off_support_mass += work_.chunk_mass[chunk];
        }
        return sums;
    }

  private:
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

    // Of a loop within a chunk: all of them are shared where the threads have no group each.
    template <class Body>
    void for_each_part(std::int64_t count, int threads, const Body& body) const {
        if (parts_ > 1)
            for_each(count, 1, threads, body);
        else
            for (std::int64_t part = 0; part < count; ++part) body(part);
    }
    // Words of a part of a product; what they are follows from V alone.
    [[nodiscard]] Part words_of(std::int64_t part) const {
        const std::int64_t width = padded((labels_.vocab_size + parts_ - 1) / parts_);
        return {std::min(labels_.vocab_size, part * width), std::min(labels_.vocab_size, (part + 1) * width)};
    }

    void run_chunk(const Call<T>& call, const G* gemm_words, std::int64_t group, std::int64_t chunk,
                   int threads, Scratch<G>& scratch) const {
        const std::int64_t begin = chunking_.chunk_begin(chunk);
        const std::int64_t size = chunking_.chunk_end(chunk) - begin;
        const G* gemm_contexts = convert_contexts(call.contexts + begin * dim_, size * dim_, scratch);
        {
            const RegionClock clock(Region::product, threads);
            for_each_part(parts_, threads, [&](std::int64_t part) {
                const auto [first, end] = words_of(part);
                if (first == end) return;
                for (std::int64_t b = 0; b < size; ++b) {
                    G* const row = scratch.logits + b * stride_;
                    if (call.bias)
                        std::copy(work_.bias + first, work_.bias + end, row + first);
                    else
                        std::fill(row + first, row + end, G{0});
                }
                gemm(CblasNoTrans, CblasTrans, size, end - first, dim_, G{1}, gemm_contexts, dim_,
                     gemm_words + first * dim_, dim_, G{1}, scratch.logits + first, stride_);
            });
        }
        support_terms(call, begin, size, scratch);
        {
            const RegionClock clock(Region::stream, threads);
            for_each_part((size + row_padding - 1) / row_padding, threads, [&](std::int64_t part) {
                const std::int64_t b = part * row_padding;
                exponentiate(call, gemm_contexts, gemm_words, begin, b, std::min(size, b + row_padding),
                             scratch);
            });
        }
        work_.chunk_excess[chunk] = work_.chunk_mass[chunk] = 0;
        for (std::int64_t b = 0; b < size; ++b) {
            work_.chunk_excess[chunk] += scratch.excess[b];
            work_.chunk_mass[chunk] += scratch.mass[b];
        }
        const bool first = chunk == chunking_.group_begin(group);
        if (call.words_gradient) words_products(call, gemm_contexts, size, first, group, threads, scratch);
        if (call.bias_gradient) add_bias_gradients(size, first, group, threads, scratch);
        if (call.contexts_gradient) contexts_products(call, gemm_words, begin, size, threads, scratch);
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
                if (call.bias)
                    for (std::int64_t s = first; s < end; ++s)
                        logits[s] += call.bias[labels_.indices[base + s]];
            }
        }
        if (call.detail.wanted())
            std::copy_n(logits, labels_.indptr[begin + size] - base, call.detail.support_logits + base);
        support_softmax(labels_, begin, size, SupportRounding::reciprocal, scratch.support, scratch.terms,
                        nullptr);
    }

    // Steps 3 and 4 for the contexts [first, last) of a chunk, at most row_padding of them: few enough to be
    // in cache when the support entries follow, enough for a vectorised log1p.
    void exponentiate(const Call<T>& call, const G* gemm_contexts, const G* gemm_words, std::int64_t begin,
                      std::int64_t first, std::int64_t last, const Scratch<G>& scratch) const {
        double ratio[row_padding] = {}, log1p_ratio[row_padding] = {};
        const auto row_of = [&](std::int64_t b) {
            return Row<G>(labels_, begin + b, scratch.logits + b * stride_, stride_);
        };
        for (std::int64_t b = first; b < last; ++b) {
            const Row<G> row = row_of(b);
            row.mask();
            if (call.detail.wanted())
                record_detail(call.detail, begin + b, call.contexts + (begin + b) * dim_, dim_,
                              work_.mean_word, row.data, row.vocab);
            ratio[b - first] = log1p_ratio[b - first] = row.exponentiate(scratch.terms[b].anchor);
        }
        log1p_row(log1p_ratio, row_padding);
        for (std::int64_t b = first; b < last; ++b) {
            const Row<G> row = row_of(b);
            const std::int64_t context = begin + b;
            const double weight = labels_.context_probs[context];
            const double* const tail = call.tails ? call.tails + context : nullptr;
            const Normalisation normal = normalise_row(
                row, weight, scratch.terms[b], ratio[b - first], log1p_ratio[b - first],
                [&] {
                    const G* const embedding = gemm_contexts + b * dim_;
                    for (std::int64_t v = 0; v < row.vocab; ++v)
                        row.data[v] = std::inner_product(embedding, embedding + dim_, gemm_words + v * dim_,
                                                         call.bias ? work_.bias[v] : G{0});
                },
                tail && *tail > 0 ? least_off_support_ratio : 0);
            const FinishedRow finished = finish_row(call.divergence, tail, weight, scratch.terms[b], normal,
                                                    support_of(begin, context, scratch), row.data);
            scratch.excess[b] = weight * finished.loss;
            scratch.mass[b] = weight * normal.off_support_mass;
            if (call.excess) call.excess[context] = finished.loss;
            if (call.missing_mass) call.missing_mass[context] = normal.off_support_mass;
            scratch.scale[b] = finished.scale * call.upstream;
        }
    }

    [[nodiscard]] SupportRow support_of(std::int64_t begin, std::int64_t context,
                                        const Scratch<G>& scratch) const {
        const std::int64_t first = labels_.indptr[context];
        return {labels_.indices + first, labels_.probs + first,
                scratch.support.residual + (first - labels_.indptr[begin]),
                labels_.indptr[context + 1] - first};
    }

    // OpenBLAS's own clearing of C is slow, so every product here adds onto memory that was filled before.
    // Step 5: dW += Ĝᵀ·(D·H_B), db += Ĝᵀ·D, dH_B = D·(Ĝ·W) + λ H_B.
    void words_products(const Call<T>& call, const G* gemm_contexts, std::int64_t size, bool first,
                        std::int64_t group, int threads, Scratch<G>& scratch) const {
        for (std::int64_t b = 0; b < size; ++b)
            scale_row(static_cast<G>(scratch.scale[b]), gemm_contexts + b * dim_, scratch.scaled + b * dim_,
                      dim_);
        const RegionClock clock(Region::product, threads);
        for_each_part(parts_, threads, [&](std::int64_t part) {
            const auto [begin, end] = words_of(part);
            if (begin == end) return;
            G* const partial = work_.partial + (group * labels_.vocab_size + begin) * dim_;
            if (first && !call.adds_to_words_gradient) std::fill_n(partial, (end - begin) * dim_, G{0});
            gemm(CblasTrans, CblasNoTrans, end - begin, dim_, size, G{1}, scratch.logits + begin, stride_,
                 scratch.scaled, dim_, G{1}, partial, dim_);
        });
    }

    void add_bias_gradients(std::int64_t size, bool first, std::int64_t group, int threads,
                            const Scratch<G>& scratch) const {
        for_each_part(parts_, threads, [&](std::int64_t part) {
            const auto [begin, end] = words_of(part);
            double* const partial = work_.bias_partial + group * labels_.vocab_size;
            if (first) std::fill(partial + begin, partial + end, 0.0);
            for (std::int64_t b = 0; b < size; ++b) {
                const G* const row = scratch.logits + b * stride_;
                for (std::int64_t v = begin; v < end; ++v) partial[v] += scratch.scale[b] * row[v];
            }
        });
    }

    // Each part's words make a sum of their own, so that no operand is packed anew for another.
    void contexts_products(const Call<T>& call, const G* gemm_words, std::int64_t begin, std::int64_t size,
                           int threads, Scratch<G>& scratch) const {
        const std::int64_t count = size * dim_;
        {
            const RegionClock clock(Region::product, threads);
            for_each_part(parts_, threads, [&](std::int64_t part) {
                const auto [first, end] = words_of(part);
                G* const sum = scratch.gradient + part * count;
                std::fill_n(sum, count, G{0});
                if (first == end) return;
                gemm(CblasNoTrans, CblasNoTrans, size, dim_, end - first, G{1}, scratch.logits + first,
                     stride_, gemm_words + first * dim_, dim_, G{1}, sum, dim_);
            });
        }
        for (std::int64_t part = 1; part < parts_; ++part)
            for (std::int64_t i = 0; i < count; ++i)
                scratch.gradient[i] += scratch.gradient[part * count + i];
        for (std::int64_t b = 0; b < size; ++b) {
            const std::int64_t row = (begin + b) * dim_;
            combine_row(scratch.scale[b], scratch.gradient + b * dim_, call.lambda, call.contexts + row,
                        call.contexts_gradient + row, dim_);
        }
    }

    // The groups' dW, added in fp64 in the order of the groups, plus λW. Of one group in the caller's own
    // memory there is nothing to add.
    void sum_partials(const Call<T>& call) const {
        if constexpr (std::is_same_v<T, G>)
            if (call.words_gradient == work_.partial && call.lambda == 0) return;
        const std::int64_t size = labels_.vocab_size * dim_;
        constexpr std::int64_t block = 1024;
        for_each((size + block - 1) / block, 8, team_for(size), [&](std::int64_t k) {
            const std::int64_t start = k * block;
            const std::int64_t count = std::min(block, size - start);
            double sum[block];
            convert_row(work_.partial + start, sum, count);
            for (std::int64_t group = 1; group < chunking_.groups(); ++group)
                combine_row(1.0, work_.partial + group * size + start, 1.0, sum, sum, count);
            combine_row(1.0, sum, call.lambda, call.words + start, call.words_gradient + start, count);
        });
    }

    void sum_bias_partials(const Call<T>& call) const {
        std::copy_n(work_.bias_partial, labels_.vocab_size, call.bias_gradient);
        for (std::int64_t group = 1; group < chunking_.groups(); ++group)
            for (std::int64_t v = 0; v < labels_.vocab_size; ++v)
                call.bias_gradient[v] += work_.bias_partial[group * labels_.vocab_size + v];
    }

    LabelsView labels_;
    std::int64_t dim_;
    int threads_;
    Chunking chunking_;
    std::int64_t stride_;
    std::int64_t parts_;  // of a chunk's products
    const WorkspaceCpu<G>& work_;
};

}  // namespace ntpgeo::anchored_xent
