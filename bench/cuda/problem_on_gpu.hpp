// A known problem in one of its states in a GPU's memory, ready for loss steps.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "bench/cuda/known_problem.hpp"
#include "engine/data/labels.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo::bench {

/// `scale`·values in master precision, which holds them exactly, in pieces, so that a copy of a large matrix
/// in another precision is never whole.
inline void upload_scaled(Backend& backend, const std::vector<float>& values, float scale, Matrix to) {
    const std::int64_t size = to.rows * to.columns, piece = std::int64_t{1} << 24;
    with_real(to.real, [&]<class T>(T) {
        std::vector<T> part(static_cast<std::size_t>(std::min(piece, size)));
        for (std::int64_t begin = 0; begin < size; begin += piece) {
            const std::int64_t count = std::min(piece, size - begin);
#pragma omp parallel for
            for (std::int64_t i = 0; i < count; ++i) part[i] = static_cast<T>(values[begin + i] * scale);
            backend.upload(part.data(), to.as<T>() + begin, count * static_cast<std::int64_t>(sizeof(T)));
        }
    });
}

/// W of a known problem in a GPU's memory; it is the same in every state.
class WordsOnGpu {
  public:
    WordsOnGpu(Backend& backend, const KnownProblem& problem, Real master)
        : memory_(backend, std::ssize(problem.words()) * bytes_of(master)),
          matrix_(memory_.matrix(master, problem.size().vocab, problem.size().dim)) {
        upload_scaled(backend, problem.words(), 1, matrix_);
    }
    [[nodiscard]] Matrix matrix() const { return matrix_; }
    [[nodiscard]] std::int64_t bytes() const { return memory_.bytes(); }

  private:
    Array memory_;
    Matrix matrix_;
};

/// The first `contexts` contexts of `problem` in state number `state`, and room for both gradients. Stands on
/// `words`.
class ProblemOnGpu {
  public:
    ProblemOnGpu(Backend& backend, const KnownProblem& problem, const WordsOnGpu& words, int state,
                 std::int64_t contexts)
        : backend_(backend),
          labels_(backend, problem.labels(state, contexts)),
          words_(words.matrix()),
          memory_(backend, contexts * words_.columns * bytes_of(words_.real)),
          contexts_(memory_.matrix(words_.real, contexts, words_.columns)),
          gradients_(backend, words.bytes() + memory_.bytes()) {
        upload_scaled(backend, problem.contexts(), problem.states()[static_cast<std::size_t>(state)].scale,
                      contexts_);
    }

    [[nodiscard]] std::unique_ptr<LossStep> make_step(Precision precision,
                                                      LossKernel kernel = LossKernel::plain,
                                                      std::int64_t chunk = 0, std::int64_t group = 0) const {
        return backend_.make_loss_step(labels_.view(),
                                       {words_.columns, words_.real, precision, chunk, group, kernel});
    }
    LossSums run(LossStep& step) const {
        return step.run(words_, contexts_, 0, gradients_.matrix(words_.real, words_.rows, words_.columns),
                        contexts_gradient());
    }

    [[nodiscard]] std::int64_t contexts() const { return contexts_.rows; }
    [[nodiscard]] Matrix contexts_gradient() const {
        return gradients_.matrix(words_.real, contexts_.rows, contexts_.columns,
                                 words_.rows * words_.columns);
    }
    /// dW, then dH.
    [[nodiscard]] Vector gradient() const {
        return gradients_.vector(words_.real, (words_.rows + contexts_.rows) * words_.columns);
    }

  private:
    Backend& backend_;
    Labels labels_;
    Matrix words_;
    Array memory_;
    Matrix contexts_;
    Array gradients_;
};

}  // namespace ntpgeo::bench
