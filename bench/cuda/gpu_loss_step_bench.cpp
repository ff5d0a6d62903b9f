// The loss step on the GPU, in every precision: its time over that of the same three products alone, both as
// fractions of the GEMM rate of this run, the memory it takes, and how far its gradients are from fp64 ones
// at two excesses of the same problem.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/cuda/cases.hpp"
#include "bench/cuda/gpu_facts.hpp"
#include "bench/cuda/predictions.hpp"
#include "bench/cuda/problem_on_gpu.hpp"
#include "kernels/anchored_xent/cost_cuda.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo::bench {
namespace {

constexpr double mebibyte = 1 << 20;

struct GpuCase {
    ProblemSize problem;
    ProblemSize size;  ///< the problem's, with fewer contexts where it would not end in time otherwise
    Precision precision;
    Real master;
    LossKernel kernel;
    std::int64_t chunk = 0;  ///< contexts whose logits are one block; 0: the step's own choice

    [[nodiscard]] std::string name() const {
        return fmt::format("cuda/loss_step/{}/{}/master:{}{}{}{}", size.name(), precision_name(precision),
                           (master == Real::fp64 ? "fp64" : "fp32"),
                           kernel == LossKernel::epilogue ? "/kernel:epilogue" : "",
                           size == problem ? "" : "/reduced_m",
                           chunk == 0 ? "" : fmt::format("/chunk:{}", chunk));
    }
};

/// What a gradient may be off by, relative to its norm: the arithmetic's own digits, and with an fp32 master
/// the rounding of logits of some 20 nats over the square root of the excess.
double tolerance(const GpuCase& c, double excess) {
    const double of_master = c.master == Real::fp32 ? 2e-6 * 20 / std::sqrt(excess) : 0;
    switch (c.precision) {
        case Precision::bf16:
            return 2e-2 + of_master;
        case Precision::tf32:
            return 2e-3 + of_master;
        case Precision::bf16x3:
            return 1e-4 + of_master;
        case Precision::fp32:
            return 1e-5 + of_master;
        case Precision::fp64:
            break;
    }
    return 1e-9 + of_master;
}

Backend& gpu() {
    static const std::unique_ptr<Backend> backend = make_cuda_backend(0);
    return *backend;
}

/// The fp64 step's gradients at both states, by which every other is judged, themselves held against the
/// textbook on the host.
class References {
  public:
    explicit References(const KnownProblem& problem) : words_(gpu(), problem, Real::fp64) {
        const std::int64_t contexts = compared_contexts(problem.size());
        for (int state = 0; state < 2; ++state) {
            const ProblemOnGpu& here = states_.emplace_back(gpu(), problem, words_, state, contexts);
            excess_.push_back(here.run(*here.make_step(Precision::fp64)).excess_loss);
            const Matrix gradient = here.contexts_gradient();
            const auto on_host =
                download_array<double>(gpu(), gradient.data, gradient.rows * gradient.columns);
            for (const std::int64_t j : {std::int64_t{0}, contexts - 1}) {
                const double error = problem.error_of_context(state, contexts, j, on_host.data());
                if (!(error < 1e-8))
                    throw Failure(fmt::format("wrong result: dH of context {} is off by {:.2g}", j, error));
            }
            const double target = problem.states()[static_cast<std::size_t>(state)].target;
            if (!(excess_.back() > target / 2 && excess_.back() < target * 2))
                throw Failure(fmt::format("the state of excess {} has {}", target, excess_.back()));
        }
    }
    [[nodiscard]] double excess(int state) const { return excess_[static_cast<std::size_t>(state)]; }
    /// Holds the fp64 step's gradients.
    [[nodiscard]] const ProblemOnGpu& problem(int state) const {
        return states_[static_cast<std::size_t>(state)];
    }

  private:
    WordsOnGpu words_;
    std::vector<ProblemOnGpu> states_;
    std::vector<double> excess_;
};

/// ‖gradient − reference‖/‖reference‖ over both factors, and over H's alone, which W's outweighs.
struct GradientErrors {
    double whole = 0, contexts = 0;
};

double relative_difference(Vector gradient, Vector reference) {
    const SquaredDifference squares = squared_difference(gradient, reference);
    return std::sqrt(squares.difference / squares.reference);
}

/// A problem in one master precision: the states to compare gradients at, and what was last timed.
class Timed {
  public:
    Timed(const KnownProblem& problem, Real master) : problem_(problem), words_(gpu(), problem, master) {
        for (int state = 0; state < 2; ++state)
            compared_.emplace_back(gpu(), problem, words_, state, compared_contexts(problem.size()));
    }

    /// Those of a step of `c`'s arithmetic at a state.
    [[nodiscard]] GradientErrors errors_of(const References& references, const GpuCase& c, int state) const {
        const ProblemOnGpu& here = compared_[static_cast<std::size_t>(state)];
        here.run(*here.make_step(c.precision, c.kernel));
        const ProblemOnGpu& reference = references.problem(state);
        const GradientErrors errors{
            relative_difference(here.gradient(), reference.gradient()),
            relative_difference(here.contexts_gradient().flat(), reference.contexts_gradient().flat())};
        const double most = tolerance(c, references.excess(state));
        if (!(errors.whole <= most && errors.contexts <= 10 * most))
            throw Failure(fmt::format(
                "wrong result: the gradient at an excess of {:.1e} is off by {:.2g}, H's by {:.2g}",
                references.excess(state), errors.whole, errors.contexts));
        return errors;
    }

    /// The first `contexts` contexts at the first state.
    const ProblemOnGpu& problem(std::int64_t contexts) {
        if (!whole_ || whole_->contexts() != contexts) {
            whole_.reset();
            const std::int64_t before = free_gpu_memory();
            whole_.emplace(gpu(), problem_, words_, 0, contexts);
            bytes_ = before - free_gpu_memory() + words_.bytes();
        }
        return *whole_;
    }
    /// What that problem takes: labels, factors and gradients.
    [[nodiscard]] std::int64_t problem_bytes() const { return bytes_; }

  private:
    const KnownProblem& problem_;
    WordsOnGpu words_;
    std::vector<ProblemOnGpu> compared_;
    std::optional<ProblemOnGpu> whole_;
    std::int64_t bytes_ = 0;
};

/// What the cases of one problem share on the GPU, kept while they come.
struct OnGpu {
    ProblemSize size;
    Real master;
    std::unique_ptr<References> references;
    std::unique_ptr<Timed> timed;
};
OnGpu& on_gpu(const GpuCase& c) {
    gpu();  // before `kept`, so that it outlives it
    static OnGpu kept{};
    if (!kept.references || !(kept.size == c.problem)) {
        kept = {};
        const KnownProblem& problem = known_problem(c.problem);
        kept.references = std::make_unique<References>(problem);
        kept.size = c.problem;
    }
    if (!kept.timed || kept.master != c.master) {
        kept.timed = nullptr;
        kept.timed = std::make_unique<Timed>(known_problem(c.problem), c.master);
        kept.master = c.master;
    }
    return kept;
}

/// The products in the arrangement that measures best: cut as in the step, its logits as wide as its
/// gradients, or both of half that width.
std::unique_ptr<DeviceWork> best_products(const GpuCase& c, std::string& label) {
    const ProductSizes own = loss_step_products(c.precision, c.size.vocab, c.size.contexts, c.size.dim);
    const std::int64_t half = (own.gradients + 1) / 2;
    std::unique_ptr<DeviceWork> best;
    double least = 0;
    for (const ProductSizes& sizes :
         {own, ProductSizes{own.gradients, own.gradients}, ProductSizes{half, half}}) {
        auto products = make_three_products(c.precision, c.size.vocab, c.size.contexts, c.size.dim, sizes);
        const auto round = [&] {
            products->queue();
            products->wait();
        };
        round();  // loads code
        if (const double error = products->error();
            !(error <= (c.precision == Precision::fp64 ? 1e-12 : 2e-2)))
            throw Failure(fmt::format("wrong result: the products alone are off by {:.2g}", error));
        const double seconds = seconds_of(round);
        label += fmt::format("{}{} and {} contexts {:.3g} ms", label.empty() ? "products of " : ", ",
                             sizes.logits, sizes.gradients, 1e3 * seconds);
        if (!best || seconds < least) {
            best = std::move(products);
            least = seconds;
        }
    }
    return best;
}

/// Of a step with an fp64 master; 0 of another one, and where nothing is known of the GPU.
double predicted_step(const GpuCase& c, std::int64_t group) {
    const device::Machine* const machine = predicted_machine();
    if (machine == nullptr || c.master != Real::fp64) return 0;
    const ProductSizes own = loss_step_products(c.precision, c.size.vocab, c.size.contexts, c.size.dim);
    return anchored_xent::loss_step_cost(
               {c.size.vocab, c.size.contexts, c.size.dim, c.chunk == 0 ? own.logits : c.chunk,
                group == 0 ? own.gradients : group, c.kernel == LossKernel::epilogue, c.precision},
               *machine)
        .seconds();
}

void time_loss_step(benchmark::State& state, const GpuCase& c, const Scale& scale) {
    if (const std::string why_not = gpu().why_not(c.kernel, c.precision); !why_not.empty()) {
        state.SkipWithError(("skipped: " + why_not).c_str());
        return;
    }
    const OnGpu& shared = on_gpu(c);
    GradientErrors errors[2];
    for (int at = 0; at < 2; ++at) errors[at] = shared.timed->errors_of(*shared.references, c, at);

    const ProblemOnGpu& ours = shared.timed->problem(c.size.contexts);
    const std::int64_t free_before = free_gpu_memory();
    const std::int64_t group =  // the step's own: a chunk alone would be its own group
        c.chunk == 0 ? 0
                     : loss_step_products(c.precision, c.size.vocab, c.size.contexts, c.size.dim).gradients;
    const auto step = ours.make_step(c.precision, c.kernel, c.chunk, group);
    LossSums sums;
    for (int i = 0; i < 3; ++i) sums = ours.run(*step);  // from the third run on it is one graph
    const std::int64_t workspace = free_before - free_gpu_memory();

    std::string label;
    const auto products = best_products(c, label);
    std::vector<double> ours_seconds, products_seconds;
    for ([[maybe_unused]] auto _ : state) {
        ours_seconds.push_back(seconds_of([&] { ours.run(*step); }));
        products_seconds.push_back(seconds_of([&] {
            products->queue();
            products->wait();
        }));
        state.SetIterationTime(ours_seconds.back());
    }
    const double seconds = median(ours_seconds), alone = median(products_seconds);
    state.counters["step_ms"] = seconds * 1e3;
    state.counters["ratio_to_gemm"] = seconds / alone;
    set_prediction(state, seconds, predicted_step(c, group));
    state.counters["fraction_of_gemm_rate"] = c.size.flops() / seconds / gemm_rate(c.precision, scale).rate;
    state.counters["tflops"] = c.size.flops() / seconds * 1e-12;
    state.counters["gemm_tflops"] = c.size.flops() / alone * 1e-12;
    state.counters["memory_mib"] = static_cast<double>(shared.timed->problem_bytes() + workspace) / mebibyte;
    state.counters["workspace_mib"] = static_cast<double>(workspace) / mebibyte;
    state.counters["excess"] = sums.excess_loss;
    state.counters["gradient_error_at_1e-2"] = errors[0].whole;
    state.counters["gradient_error_at_1e-4"] = errors[1].whole;
    state.counters["contexts_gradient_error_at_1e-2"] = errors[0].contexts;
    state.counters["contexts_gradient_error_at_1e-4"] = errors[1].contexts;
    state.SetLabel(label);
}

/// Every precision, bf16 in both of its forms; fp32 and fp64 products on an eighth of the contexts.
std::vector<GpuCase> cases_of(const ProblemSize& size, bool smoke) {
    ProblemSize fewer = size;
    fewer.contexts /= smoke ? 1 : 8;
    std::vector<GpuCase> cases;
    for (const Real master : {Real::fp64, Real::fp32}) {
        cases.push_back({size, size, Precision::bf16, master, LossKernel::plain});
        cases.push_back({size, size, Precision::bf16, master, LossKernel::epilogue});
        for (const Precision precision : {Precision::bf16x3, Precision::tf32})
            cases.push_back({size, size, precision, master, LossKernel::plain});
        for (const Precision precision : {Precision::fp32, Precision::fp64})
            cases.push_back({size, fewer, precision, master, LossKernel::plain});
    }
    return cases;
}

/// How many contexts' logits should be one block.
std::vector<GpuCase> chunk_cases(const ProblemSize& size, bool smoke) {
    std::vector<GpuCase> cases;
    for (const std::int64_t chunk :
         smoke ? std::vector<std::int64_t>{8} : std::vector<std::int64_t>{256, 512, 2048})
        cases.push_back({size, size, Precision::bf16, Real::fp32, LossKernel::plain, chunk});
    return cases;
}

}  // namespace

const KnownProblem& known_problem(const ProblemSize& size) {
    static std::unique_ptr<KnownProblem> kept;
    if (!kept || !(kept->size() == size)) {
        kept = nullptr;
        kept = std::make_unique<KnownProblem>(size);
    }
    return *kept;
}

std::vector<ProblemSize> loss_step_sizes(const Scale& scale) {
    if (scale.smoke) return {{259, 20, 64, 4}};
    std::vector<ProblemSize> sizes;
    for (const std::int64_t support : {8, 64})
        for (const auto& [vocab, contexts, dim] : std::vector<std::array<std::int64_t, 3>>{
                 {50257, 65536, 768}, {128256, 32768, 1024}, {32000, 262144, 512}})
            sizes.push_back({vocab, contexts, dim, support});
    return sizes;
}

std::int64_t compared_contexts(const ProblemSize& size) {
    return std::min<std::int64_t>(size.contexts, 4096);
}

void register_gpu_loss_step(const Scale& scale) {
    const std::vector<ProblemSize> sizes = loss_step_sizes(scale);
    for (const ProblemSize& size : sizes) {
        std::vector<GpuCase> cases = cases_of(size, scale.smoke);
        if (size == sizes.front())
            for (const GpuCase& c : chunk_cases(size, scale.smoke)) cases.push_back(c);
        for (const GpuCase& c : cases)
            register_gpu_case(scale, c.name(), [=](benchmark::State& state) {
                time_loss_step(state, c, scale);
            })->Iterations(scale.smoke ? 1 : 7);
    }
}

}  // namespace ntpgeo::bench
