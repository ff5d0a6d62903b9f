// The loss step as a training framework calls it: with its own hidden states, labels and gradients, in memory
// of its own and, on a GPU, on a stream of its own. A LossStep is such a call with labels and memory kept.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "kernels/base/divergence.hpp"
#include "kernels/base/stored.hpp"

namespace ntpgeo {

/// The sizes that calls keep within, and their arithmetic. `chunk` and `group` as in LossPlan: what
/// they are follows from the plan alone, and so do the workspace and a call's bits. On the CPU a plan without
/// a group has one alone, which the threads share: dW is in memory once.
struct LossCallPlan {
    std::int64_t vocab_size = 0, dim = 0;
    std::int64_t most_contexts = 0, most_nnz = 0;
    Precision precision = Precision::fp64;
    LossKernel kernel = LossKernel::automatic;
    std::int64_t chunk = 0, group = 0;
    bool biased = false;  ///< whether calls may have a bias; the epilogue kernel knows none
    bool many = false;    ///< whether calls come many at a time: what is fastest, not what is least memory
};

/// Per-context facts for a metrics record; null pointers are left out. "Centred" means minus the context's
/// mean logit.
struct LossDetail {
    double* support_logits = nullptr;   ///< [nnz] z_s = ⟨w_s, h_j⟩, raw
    double* mean_logits = nullptr;      ///< [m] mean over the vocabulary of ℓ_j
    double* off_support_max = nullptr;  ///< [m] max over v ∉ S_j of ℓ_j[v], raw; −infinity where k_j = V
    double* off_support_square = nullptr;  ///< [m] Σ over v ∉ S_j of the squared centred logits

    [[nodiscard]] bool wanted() const { return support_logits != nullptr; }
    friend bool operator==(const LossDetail&, const LossDetail&) = default;
};

/// Sparse soft labels of one call (design 1.1), in backend memory. Each context has one word at least, its
/// words ascend strictly and its probabilities sum to 1 (fold_label_mass makes such of a teacher's top-k).
struct CallLabels {
    std::int64_t contexts = 0;
    std::int64_t nnz = 0;                     ///< indptr[contexts], which only the device reads
    const std::int64_t* indptr = nullptr;     ///< [contexts+1]
    const std::int32_t* indices = nullptr;    ///< [nnz] words
    const double* probs = nullptr;            ///< [nnz] p > 0
    const double* log_probs = nullptr;        ///< [nnz] log p, or null: it is taken where it is needed
    const double* context_weights = nullptr;  ///< [contexts] π; need not sum to 1, may be 0
    /// [contexts] τ in [0, 1), the labels' mass off the support, whose words then share 1 − τ as probs has
    /// them; null: 0. What of the vocabulary is off the support is one cell (design 1.6).
    const double* tails = nullptr;

    friend bool operator==(const CallLabels&, const CallLabels&) = default;
};

/// What one call is asked for. W [V, d], H [contexts, d] and b [V, 1], and their gradients

///   dW = u·G Hᵀ + λW,   dH = u·Wᵀ G + λH,   db = u·G 1,   G of Σ_j π_j D(p_j, q_j),

/// of logits W h_j + b and, if nothing else is said, D = KL(p_j ‖ q_j), overwritten whole, which may not
/// alias the inputs; null data leaves a gradient out, with its product, or the bias. Each of the matrices has
/// its own storage and stride. Null pointers otherwise: nothing of the kind.
struct LossCall {
    CallLabels labels;
    StoredMatrix words, contexts, words_gradient, contexts_gradient;
    StoredMatrix bias, bias_gradient;
    DivergenceOptions divergence;
    bool adds_to_words_gradient = false;  ///< to what dW holds, instead of overwriting it; λ is 0 then
    const double* ridge = nullptr;        ///< λ, in backend memory; null: 0
    const double* upstream = nullptr;     ///< u, the gradient of what comes after, likewise; null: 1
    double* sums = nullptr;               ///< [2] Σ_j π_j of the next two, in fixed order
    double* excess = nullptr;             ///< [contexts] D(p_j, q_j), in nats
    double* missing_mass = nullptr;       ///< [contexts] r_j/(1+r_j): the model's mass off the support
    LossDetail detail;
    /// The workspace is the one of the call before and has not been touched since but by the operand's owner:
    /// W, or the pattern of the labels, is as it was there, and is not prepared anew.
    bool words_are_prepared = false, labels_are_prepared = false;

    [[nodiscard]] bool wants_gradient() const {
        return words_gradient.data || contexts_gradient.data || bias_gradient.data;
    }
    friend bool operator==(const LossCall&, const LossCall&) = default;
};

/// Memory of the caller's, on a boundary of 256 bytes (64 on the CPU). What it holds in between is lost.
struct CallMemory {
    void* data = nullptr;
    std::int64_t bytes = 0;
};

/// Loss steps within one plan, queued by one thread at a time. Calls share nothing but the plan: with
/// workspaces of their own, two may be under way at once, on two streams.
class LossCalls {
  public:
    virtual ~LossCalls() = default;

    /// What the workspace of any call has to hold.
    [[nodiscard]] virtual std::int64_t workspace_bytes() const = 0;
    /// What that of this one has to, which may be much less on the CPU.
    [[nodiscard]] virtual std::int64_t workspace_bytes(const LossCall& call) const {
        static_cast<void>(call);
        return workspace_bytes();
    }
    /// Queues one step on `stream` (a cudaStream_t; the CPU knows none and has done it on return). Waits for
    /// nothing, allocates nothing and reads nothing of what the device holds, so that a caller may capture it
    /// into a graph of its own once a first call has loaded the code. Throws InputError, before anything is
    /// queued, where the call breaks the plan, a stride is shorter than its row, or the workspace is too
    /// small or misaligned.
    virtual void enqueue(const LossCall& call, const CallMemory& workspace, void* stream) = 0;

    /// Queues calls of one W, alike in what they want and how it is stored, each with contexts and gradients
    /// of its own: what enqueue does with each, and the same bits. The CPU makes some at once. `have_dw`,
    /// where there is one, is called once every dW is queued; a GPU has products of dH left then.
    virtual void enqueue_many(std::span<const LossCall> calls, const CallMemory& workspace, void* stream,
                              const std::function<void()>& have_dw = {}) = 0;
    /// What the workspace of so many calls like `call`, or fewer, has to hold.
    [[nodiscard]] virtual std::int64_t workspace_bytes_of_many(const LossCall& call,
                                                               std::int64_t calls) const {
        static_cast<void>(calls);
        return workspace_bytes(call);
    }
    /// The precision that holds all of dW, in which it is left with the least work, where the other matrices
    /// are in `master` and there is no λ.
    [[nodiscard]] virtual Real words_gradient_real(Real master) const { return master; }
};

/// Throws InputError where a plan has no words, width, contexts or entries.
void check_loss_call_plan(const LossCallPlan& plan);
/// Throws what LossCalls::enqueue promises. `needed`: bytes of the workspace.
void check_loss_call(const LossCallPlan& plan, const LossCall& call, const CallMemory& workspace,
                     std::int64_t needed);

}  // namespace ntpgeo
