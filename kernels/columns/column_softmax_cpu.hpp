// Softmax minus label of one dense column in the anchored form (design 1.2), for the CPU twins of columns/.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/base/views.hpp"
#include "kernels/softmax/softmax_cpu.hpp"

namespace ntpgeo {

/// Memory for one column at a time; one a thread.
class ColumnSoftmax {
  public:
    /// `longest` is the largest support's size.
    ColumnSoftmax(std::int64_t vocab, std::int64_t longest);

    /// Takes the logits row[v]/scale of column c, and makes q = softmax and the excess loss Σ p log(p/q), not
    /// yet weighted by π.
    void evaluate(const LabelsView& labels, std::int64_t c, const double* row, double scale);

    /// q_v for every word, [V]; on the support too.
    [[nodiscard]] const double* q() const { return q_.data(); }
    /// q_s − p_s at the support's entries, in their order. What δ's rounding leaves of Σ(q − p) is taken off
    /// them, in the proportions of p, so that with q off the support they sum to 0 up to rounding of their
    /// own size.
    [[nodiscard]] const double* residual() const { return support_.residual.data(); }
    [[nodiscard]] double excess() const { return excess_; }
    /// Bounds the error of excess() to first order.
    [[nodiscard]] double rounding() const { return rounding_; }

  private:
    std::int64_t vocab_;
    double excess_ = 0, rounding_ = 0;
    std::vector<double> q_;
    softmax::SupportEntries support_;
};

/// The largest support's size.
std::int64_t longest_support(const LabelsView& labels);

}  // namespace ntpgeo
