// The CPU's loss step of one chunk of contexts: a stripe of words after the other, whose logits stay in cache
// from the product that makes them until their exponentials are summed, and again for the two products of the
// gradients.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <mutex>
#include <numeric>
#include <type_traits>

#include "kernels/anchored_xent/detail_cpu.hpp"
#include "kernels/anchored_xent/finish_cpu.hpp"
#include "kernels/anchored_xent/loss_call.hpp"
#include "kernels/anchored_xent/workspace_cpu.hpp"
#include "kernels/cpu/panels.hpp"
#include "kernels/cpu/rows.hpp"
#include "kernels/cpu/team.hpp"
#include "kernels/device/region_clock.hpp"
#include "kernels/softmax/softmax_cpu.hpp"

namespace ntpgeo::anchored_xent {

/// T: master, G: GEMM.
template <class T, class G>
class ChunkCpu {
  public:
    /// The contexts [begin, begin + size). `words` is W in GEMM precision. Threads share the parts of the
    /// words where there are several.
    ChunkCpu(const Call<T>& call, const LabelsView& labels, const Layout& layout, const WorkspaceCpu<G>& work,
             const Scratch<G>& scratch, const G* words, Part contexts, int threads)
        : call_(call),
          labels_(labels),
          layout_(layout),
          work_(work),
          scratch_(scratch),
          words_(words),
          begin_(contexts.begin),
          size_(contexts.end - contexts.begin),
          columns_(in_panels<G>(size_)),
          threads_(threads),
          alone_(layout.parts == 1 || threads == 1 || is_within_a_loop()) {}

    /// Steps 1 to 4 of design 4.1: E in place of the logits, Ĝ at the support, and each context's scale.
    void find_exponentials() const {
        pack_columns(call_.contexts + begin_ * layout_.dim, layout_.dim, layout_.dim, size_,
                     Panels<G>{scratch_.contexts, layout_.dim * panel_width<G>});
        std::fill_n(scratch_.anchors, columns_, 0.0);
        std::fill_n(scratch_.ratio, layout_.parts * layout_.row, 0.0);
        if (call_.detail.wanted()) begin_detail();
        if (!samples_support())
            for_each_part([&](std::int64_t part) {
                for_each_stripe(part, [&](const Part& stripe) { multiply_logits(stripe); });
            });
        support_terms();
        for_each_part([&](std::int64_t part) {
            begin_support(part);
            for_each_stripe(part, [&](const Part& stripe) {
                if (samples_support()) multiply_logits(stripe);
                exponentiate(part, stripe);
            });
        });
        if (call_.detail.wanted()) finish_detail();
        finish_contexts();
    }

    /// Step 5: dW += Ĝᵀ·(D·H_B) onto `partial` [V, dim], begun where `first`; dH_B = D·(Ĝ·W) + λ H_B.
    void multiply_gradients(G* partial, bool first) const {
        const std::int64_t dim = layout_.dim;
        if (call_.wants_words_gradient)
            pack_rows(call_.contexts + begin_ * dim, dim, size_, dim, scratch_.scale,
                      Panels<G>{scratch_.scaled, size_ * panel_width<G>});
        for_each_part([&](std::int64_t part) {
            bool begun = false;
            for_each_stripe(part, [&](const Part& stripe) {
                const std::int64_t count = stripe.end - stripe.begin;
                const G* const cells = scratch_.logits + stripe.begin * layout_.row;
                if (call_.wants_words_gradient) {
                    const RegionClock clock(Region::product, threads_);
                    multiply_panels(count, dim, size_, {cells, layout_.row, 1},
                                    {scratch_.scaled, size_ * panel_width<G>}, !first,
                                    partial + stripe.begin * dim, dim);
                }
                if (!call_.contexts_gradient) return;
                const RegionClock clock(Region::product, threads_);
                G* const panels = scratch_.words + part * layout_.stripe_panels();
                pack_rows(words_ + stripe.begin * dim, dim, count, dim, nullptr,
                          Panels<G>{panels, count * panel_width<G>});
                multiply_panels(size_, dim, count, {cells, 1, layout_.row}, {panels, count * panel_width<G>},
                                begun, gradient_of(part), dim);
                begun = true;
            });
            if (!begun) std::fill_n(gradient_of(part), size_ * dim, G{0});
            if (alone_ && part > 0) add_gradient(part, {0, size_});
        });
        if (call_.contexts_gradient) finish_contexts_gradient();
    }

    /// db += Ĝᵀ·D.
    void add_bias_gradients(double* partial, bool first) const {
        for_each_part([&](std::int64_t part) {
            const auto [begin, end] = layout_.words_of(part);
            for (std::int64_t v = begin; v < end; ++v) {
                const G* const row = scratch_.logits + v * layout_.row;
                double sum = first ? 0 : partial[v];
                for (std::int64_t b = 0; b < size_; ++b) sum += scratch_.scale[b] * row[b];
                partial[v] = sum;
            }
        });
    }

    /// Σ π_j·loss and Σ π_j · off-support mass of the chunk.
    [[nodiscard]] LossSums sums() const {
        return {std::accumulate(scratch_.excess, scratch_.excess + size_, 0.0),
                std::accumulate(scratch_.mass, scratch_.mass + size_, 0.0)};
    }

  private:
    template <class Body>
    void for_each_part(const Body& body) const {
        if (!alone_) return for_each(layout_.parts, 1, threads_, body);
        for (std::int64_t part = 0; part < layout_.parts; ++part) body(part);
    }
    /// Contexts do not touch each other: threads share them where they share the parts.
    template <class Body>
    void for_each_context(const Body& body) const {
        constexpr std::int64_t contexts_at_once = 16;
        if (!alone_) return for_each(size_, contexts_at_once, threads_, body);
        for (std::int64_t b = 0; b < size_; ++b) body(b);
    }
    template <class Body>
    void for_each_stripe(std::int64_t part, const Body& body) const {
        const auto [begin, end] = layout_.words_of(part);
        for (std::int64_t v = begin; v < end; v += words_of_a_stripe)
            body(Part{v, std::min(v + words_of_a_stripe, end)});
    }
    /// Of a part's words. Where one thread makes all, the first's is the sum so far, and stays in its cache.
    [[nodiscard]] G* gradient_of(std::int64_t part) const {
        const std::int64_t place = alone_ ? std::min<std::int64_t>(part, 1) : part;
        return scratch_.gradient + place * layout_.chunking.chunk * layout_.dim;
    }
    /// Adds a part's to the first's, of some contexts.
    void add_gradient(std::int64_t part, const Part& contexts) const {
        const std::int64_t begin = contexts.begin * layout_.dim, end = contexts.end * layout_.dim;
        G* const sum = gradient_of(0);
        const G* const more = gradient_of(part);
        for (std::int64_t k = begin; k < end; ++k) sum[k] += more[k];
    }

    // Whether the support's logits are made by themselves, so that a stripe's others need not leave the
    // cache. An fp64 product has them already, and few words' logits leave no cache.
    [[nodiscard]] bool samples_support() const {
        constexpr std::int64_t few_words = 512;
        return !std::is_same_v<G, double> || layout_.vocab > few_words;
    }

    // Step 1: the support logits in master precision, the anchors, and all that the labels alone decide.
    void support_terms() const {
        const std::int64_t base = labels_.indptr[begin_], entries = labels_.indptr[begin_ + size_] - base;
        double* const logits = scratch_.support.logits;
        for_each_context([&](std::int64_t b) {
            const std::int64_t first = labels_.indptr[begin_ + b] - base,
                               end = labels_.indptr[begin_ + b + 1] - base;
            const std::int32_t* const words = labels_.indices + base;
            if (!samples_support()) {
                for (std::int64_t s = first; s < end; ++s)
                    logits[s] = scratch_.logits[words[s] * layout_.row + b];
            } else {
                sample_row(call_.words, layout_.dim, words + first, end - first,
                           call_.contexts + (begin_ + b) * layout_.dim, logits + first);
                if (call_.bias)
                    for (std::int64_t s = first; s < end; ++s) logits[s] += call_.bias[words[s]];
            }
        });
        if (call_.detail.wanted()) std::copy_n(logits, entries, call_.detail.support_logits + base);
        support_softmax(labels_, begin_, size_, SupportRounding::reciprocal, scratch_.support, scratch_.terms,
                        nullptr);
        for (std::int64_t b = 0; b < size_; ++b) scratch_.anchors[b] = scratch_.terms[b].anchor;
    }

    // Step 2.
    void multiply_logits(const Part& stripe) const {
        const RegionClock clock(Region::product, threads_);
        if (call_.bias)
            for (std::int64_t v = stripe.begin; v < stripe.end; ++v)
                std::fill_n(&cell(v, 0), columns_, work_.bias[v]);
        multiply_panels(stripe.end - stripe.begin, columns_, layout_.dim,
                        {words_ + stripe.begin * layout_.dim, layout_.dim, 1},
                        {scratch_.contexts, layout_.dim * panel_width<G>}, call_.bias != nullptr,
                        &cell(stripe.begin, 0), layout_.row);
    }

    // Where the support of each context reaches the part's words: where the part before has left it.
    void begin_support(std::int64_t part) const {
        if (alone_ && part > 0) {
            std::copy_n(scratch_.next + (part - 1) * layout_.row, size_, scratch_.next + part * layout_.row);
            return;
        }
        const std::int64_t word = layout_.words_of(part).begin;
        for (std::int64_t b = 0; b < size_; ++b) {
            const auto [first, end] = support_at(b);
            const std::int32_t* const words = labels_.indices;
            scratch_.next[part * layout_.row + b] =
                word == 0 ? first : std::lower_bound(words + first, words + end, word) - words;
        }
    }
    [[nodiscard]] Part support_at(std::int64_t b) const {
        return {labels_.indptr[begin_ + b], labels_.indptr[begin_ + b + 1]};
    }

    // Step 3. −infinity at the support: its exponential is exactly 0.
    void exponentiate(std::int64_t part, const Part& stripe) const {
        const RegionClock clock(Region::stream, threads_);
        for (std::int64_t b = 0; b < size_; ++b) {
            std::int64_t& place = scratch_.next[part * layout_.row + b];
            std::int64_t next = place;
            for (const std::int64_t end = support_at(b).end; next < end && labels_.indices[next] < stripe.end;
                 ++next)
                cell(labels_.indices[next], b) = -std::numeric_limits<G>::infinity();
            place = next;
        }
        if (call_.detail.wanted()) {
            const Spreads spreads = scratch_.spreads(part, layout_);
            add_spreads(scratch_.logits + stripe.begin * layout_.row, layout_.row, stripe.end - stripe.begin,
                        columns_, scratch_.means, spreads.maximum, spreads.square);
        }
        anchored_exp_columns(scratch_.logits + stripe.begin * layout_.row, layout_.row,
                             stripe.end - stripe.begin, columns_, scratch_.anchors,
                             scratch_.ratio + part * layout_.row);
    }
    [[nodiscard]] G& cell(std::int64_t word, std::int64_t b) const {
        return scratch_.logits[word * layout_.row + b];
    }

    void begin_detail() const {
        for (std::int64_t b = 0; b < size_; ++b) {
            const T* const embedding = call_.contexts + (begin_ + b) * layout_.dim;
            scratch_.means[b] = std::inner_product(embedding, embedding + layout_.dim, work_.mean_word, 0.0);
        }
        std::fill(scratch_.means + size_, scratch_.means + columns_, 0.0);
        for (std::int64_t part = 0; part < layout_.parts; ++part)
            scratch_.spreads(part, layout_).begin(columns_);
    }
    void finish_detail() const {
        for (std::int64_t b = 0; b < size_; ++b) {
            RowSpread all;
            for (std::int64_t part = 0; part < layout_.parts; ++part)
                all.add(scratch_.spreads(part, layout_).of(b));
            call_.detail.mean_logits[begin_ + b] = scratch_.means[b];
            call_.detail.off_support_max[begin_ + b] = all.maximum;
            call_.detail.off_support_square[begin_ + b] = all.square;
        }
    }

    // Step 4, with one vectorised log1p for all contexts.
    void finish_contexts() const {
        for (std::int64_t part = 1; part < layout_.parts; ++part)
            for (std::int64_t b = 0; b < size_; ++b)
                scratch_.ratio[b] += scratch_.ratio[part * layout_.row + b];
        std::copy_n(scratch_.ratio, columns_, scratch_.log1p_ratio);
        log1p_row(scratch_.log1p_ratio, columns_);
        std::mutex redoing;
        for_each_context([&](std::int64_t b) { finish_context(b, redoing); });
    }

    void finish_context(std::int64_t b, std::mutex& redoing) const {
        const std::int64_t context = begin_ + b;
        const double weight = labels_.context_probs[context];
        const double* const tail = call_.tails ? call_.tails + context : nullptr;
        const Row<G> row(labels_, context, scratch_.redone, padded(labels_.vocab_size));
        std::unique_lock redone(redoing, std::defer_lock);  // rare, and there is one row for it
        const Normalisation normal = normalise_row(
            row, weight, scratch_.terms[b], scratch_.ratio[b], scratch_.log1p_ratio[b],
            [&] {
                redone.lock();
                refill(row, context);
            },
            tail && *tail > 0 ? least_off_support_ratio : 0);
        if (redone.owns_lock()) {
            for (std::int64_t v = 0; v < row.vocab; ++v) cell(v, b) = row.data[v];
            redone.unlock();
        }
        const auto [first, end] = support_at(b);
        const SupportRow support{labels_.indices + first, labels_.probs + first,
                                 scratch_.support.residual + (first - labels_.indptr[begin_]), end - first};
        const FinishedRow finished =
            finish_row(call_.divergence, tail, weight, scratch_.terms[b], normal, support,
                       [&](std::int64_t word) -> G& { return cell(word, b); });
        scratch_.excess[b] = weight * finished.loss;
        scratch_.mass[b] = weight * normal.off_support_mass;
        if (call_.excess) call_.excess[context] = finished.loss;
        if (call_.missing_mass) call_.missing_mass[context] = normal.off_support_mass;
        scratch_.scale[b] = finished.scale * call_.upstream;
    }
    void refill(const Row<G>& row, std::int64_t context) const {
        const T* const embedding = call_.contexts + context * layout_.dim;
        for (std::int64_t v = 0; v < row.vocab; ++v) {
            const G* const word = words_ + v * layout_.dim;
            G sum = call_.bias ? work_.bias[v] : G{0};
            for (std::int64_t k = 0; k < layout_.dim; ++k) sum += static_cast<G>(embedding[k]) * word[k];
            row.data[v] = sum;
        }
    }

    // Each part's words make a sum of their own.
    void finish_contexts_gradient() const {
        const std::int64_t dim = layout_.dim;
        for_each_context([&](std::int64_t b) {
            for (std::int64_t part = 1; part < layout_.parts && !alone_; ++part)
                add_gradient(part, {b, b + 1});
            const G* const sum = gradient_of(0) + b * dim;
            const std::int64_t row = (begin_ + b) * dim;
            combine_row(scratch_.scale[b], sum, call_.lambda, call_.contexts + row,
                        call_.contexts_gradient + row, dim);
        });
    }

    const Call<T>& call_;
    const LabelsView& labels_;
    const Layout& layout_;
    const WorkspaceCpu<G>& work_;
    const Scratch<G>& scratch_;
    const G* words_;
    std::int64_t begin_, size_, columns_;
    int threads_;
    bool alone_;  // one thread makes all parts, one after the other
};

}  // namespace ntpgeo::anchored_xent
