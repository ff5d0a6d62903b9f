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

/// The first `contexts` contexts of `problem` in state number `state`, W and H in master precision, which
/// holds them exactly, and room for the gradients.
class ProblemOnGpu {
  public:
    ProblemOnGpu(Backend& backend, const KnownProblem& problem, int state, std::int64_t contexts, Real master)
        : backend_(backend),
          labels_(backend, problem.labels(state, contexts)),
          rows_{problem.size().vocab, contexts},
          dim_(problem.size().dim),
          master_(master),
          factors_(backend, (rows_[0] + rows_[1]) * dim_ * bytes_of(master)),
          gradients_(backend, factors_.bytes()) {
        upload(problem.words().data(), 1, words());
        upload(problem.contexts().data(), problem.states()[static_cast<std::size_t>(state)].scale,
               contexts_matrix());
    }

    [[nodiscard]] std::unique_ptr<LossStep> make_step(Precision precision) const {
        return backend_.make_loss_step(labels_.view(), {dim_, master_, precision, 0, 0});
    }
    LossSums run(LossStep& step) const {
        return step.run(words(), contexts_matrix(), 0, part(gradients_, 0), part(gradients_, 1));
    }

    [[nodiscard]] Matrix words() const { return part(factors_, 0); }
    [[nodiscard]] Matrix contexts_matrix() const { return part(factors_, 1); }
    [[nodiscard]] Matrix contexts_gradient() const { return part(gradients_, 1); }
    [[nodiscard]] Vector gradient() const { return gradients_.vector(master_, (rows_[0] + rows_[1]) * dim_); }

  private:
    [[nodiscard]] Matrix part(const Array& array, int which) const {
        return array.matrix(master_, rows_[which], dim_, which * rows_[0] * dim_);
    }
    // In pieces, so that a copy of a large matrix in another precision is never whole.
    void upload(const float* from, float scale, Matrix to) const {
        const std::int64_t size = to.rows * to.columns, piece = std::int64_t{1} << 24;
        with_real(master_, [&]<class T>(T) {
            std::vector<T> values(static_cast<std::size_t>(std::min(piece, size)));
            for (std::int64_t begin = 0; begin < size; begin += piece) {
                const std::int64_t count = std::min(piece, size - begin);
#pragma omp parallel for
                for (std::int64_t i = 0; i < count; ++i) values[i] = static_cast<T>(from[begin + i] * scale);
                backend_.upload(values.data(), to.as<T>() + begin,
                                count * static_cast<std::int64_t>(sizeof(T)));
            }
        });
    }

    Backend& backend_;
    Labels labels_;
    std::int64_t rows_[2];
    std::int64_t dim_;
    Real master_;
    Array factors_, gradients_;
};

}  // namespace ntpgeo::bench
