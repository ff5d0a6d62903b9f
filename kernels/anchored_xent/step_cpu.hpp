// One loss step on the CPU: a function of a call and of the memory that it works in. What trains and what a
// framework calls both come here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "kernels/anchored_xent/chunk_cpu.hpp"
#include "kernels/anchored_xent/detail_cpu.hpp"
#include "kernels/anchored_xent/loss_call.hpp"
#include "kernels/anchored_xent/workspace_cpu.hpp"
#include "kernels/cpu/rows.hpp"
#include "kernels/cpu/team.hpp"
#include "kernels/device/region_clock.hpp"

namespace ntpgeo::anchored_xent {

/// W in GEMM precision: itself, or made in `room`.
template <class T, class G>
const G* words_of_products(const T* words, std::int64_t vocab, std::int64_t dim, G* room) {
    if constexpr (std::is_same_v<T, G>) {
        return words;
    } else {
        for_each(vocab, 64, team_for(vocab * dim),
                 [=](std::int64_t v) { convert_row(words + v * dim, room + v * dim, dim); });
        return room;
    }
}

/// G: GEMM.
template <class T, class G>
class StepCpu {
  public:
    /// Only to run it once.
    StepCpu(const Layout& layout, const LabelsView& labels, const WorkspaceCpu<G>& work)
        : layout_(layout),
          labels_(labels),
          dim_(layout.dim),
          chunking_{labels.contexts, layout.chunking.chunk, layout.chunking.chunks_per_group},
          work_(work) {}

    /// `gemm_words`: W in GEMM precision; null: it is made.
    LossSums run(const Call<T>& call, const G* gemm_words = nullptr) const {
        if (call.detail.wanted()) find_mean_word(call.words, labels_.vocab_size, dim_, work_.mean_word);
        if (gemm_words == nullptr)
            gemm_words = words_of_products(call.words, labels_.vocab_size, dim_, work_.words);
        if (call.bias) convert_row(call.bias, work_.bias, labels_.vocab_size);
        const bool team = labels_.vocab_size * labels_.contexts * dim_ > 8 * worth_a_team;
        const int threads = team ? static_cast<int>(layout_.threads) : 1;
        // Threads share groups or, where there is one, its chunks' products and rows.
        share_loop(chunking_.groups(), 1, layout_.parts > 1 ? 1 : threads, [&](Parts& parts) {
            const Scratch<G> scratch = work_.scratch(parts.thread());
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
    void run_chunk(const Call<T>& call, const G* gemm_words, std::int64_t group, std::int64_t chunk,
                   int threads, const Scratch<G>& scratch) const {
        const ChunkCpu<T, G> work(call, labels_, layout_, work_, scratch, gemm_words,
                                  {chunking_.chunk_begin(chunk), chunking_.chunk_end(chunk)}, threads);
        work.find_exponentials();
        const LossSums sums = work.sums();
        work_.chunk_excess[chunk] = sums.excess_loss;
        work_.chunk_mass[chunk] = sums.off_support_mass;
        const bool first = chunk == chunking_.group_begin(group);
        if (call.wants_words_gradient || call.contexts_gradient)
            work.multiply_gradients(work_.partial + group * labels_.vocab_size * dim_,
                                    first && !call.adds_to_words_gradient);
        if (call.bias_gradient)
            work.add_bias_gradients(work_.bias_partial + group * labels_.vocab_size, first);
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

    const Layout& layout_;
    LabelsView labels_;
    std::int64_t dim_;
    Chunking chunking_;
    const WorkspaceCpu<G>& work_;
};

}  // namespace ntpgeo::anchored_xent
