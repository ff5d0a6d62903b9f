// A problem of any size at a state whose excess loss is known beforehand, without training: what the GPU's
// loss step and its peers are timed on, and what their gradients are held against at a small excess.
//
// The vocabulary is cut at random into blocks of k words, and every context's support is one block. A word is
// its block's centre plus half as much of its own, a context likewise, so that at H = scale·contexts a
// context's own block stands out and `scale` sets the off-support mass. The labels are the state's own
// distribution on the support with a relative noise of the size that gives the other half of the excess.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/data/dataset.hpp"
#include "kernels/base/views.hpp"

namespace ntpgeo::bench {

struct ProblemSize {
    std::int64_t vocab, contexts, dim, support;

    [[nodiscard]] std::string name() const;  ///< V:100/m:200/d:32/k:8
    /// Of the three products, which is the least a step can do.
    [[nodiscard]] double flops() const {
        return 6.0 * static_cast<double>(vocab) * static_cast<double>(contexts) * static_cast<double>(dim);
    }
    friend bool operator==(const ProblemSize&, const ProblemSize&) = default;
};

/// One excess loss: H = scale·contexts, each entry rounded to fp32, with the labels `probs`.
struct KnownState {
    double target = 0;  ///< the excess that is aimed at; a loss step says what it is, within a few percent
    float scale = 1;
    std::vector<double> probs;  ///< [nnz]
};

class KnownProblem {
  public:
    /// Throws Failure where the sizes leave no room for the states (d far below ln V, say).
    explicit KnownProblem(const ProblemSize& size);

    [[nodiscard]] const ProblemSize& size() const { return size_; }
    [[nodiscard]] const std::vector<float>& words() const { return words_; }  ///< [V, d]
    [[nodiscard]] const std::vector<float>& contexts() const {
        return contexts_;
    }  ///< [m, d], before scaling
    /// At excesses of 1e-2 and 1e-4.
    [[nodiscard]] const std::array<KnownState, 2>& states() const { return states_; }
    [[nodiscard]] const std::vector<std::int64_t>& indptr() const { return indptr_; }
    [[nodiscard]] const std::vector<std::int32_t>& indices() const { return indices_; }

    /// The first `contexts` contexts in state number `state`, equally weighted.
    [[nodiscard]] Dataset labels(int state, std::int64_t contexts) const;

    /// ‖dH_j − textbook‖/‖textbook‖ of one context, where contexts_gradient [m', d] came from `labels(state,
    /// m')` and holds doubles: softmax minus label in fp64, on the host.
    [[nodiscard]] double error_of_context(int state, std::int64_t contexts, std::int64_t context,
                                          const double* contexts_gradient) const;

  private:
    void cut_vocabulary();
    void draw_factors();
    void settle(KnownState& state, std::uint64_t seed);
    [[nodiscard]] std::vector<double> logits_of(std::int64_t context) const;

    ProblemSize size_;
    std::int64_t blocks_;
    std::vector<std::int32_t> block_words_;  // [V] the blocks' words one after another, ascending in each
    std::vector<float> words_, contexts_;
    std::vector<std::int64_t> indptr_;
    std::vector<std::int32_t> indices_;
    std::vector<double> support_logits_;  // [nnz] at scale 1
    std::array<KnownState, 2> states_;
};

}  // namespace ntpgeo::bench
