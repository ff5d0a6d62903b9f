// One iteration of the exact solvers against the BLAS and LAPACK calls that it cannot do without: the Gram
// matrix, its eigenvectors, and the products that put them to use (design 4.2).
#include <fmt/format.h>

#include <memory>
#include <vector>

#include "bench/subjects.hpp"
#include "engine/data/synthetic.hpp"
#include "engine/exact/limit.hpp"
#include "engine/exact/path.hpp"

namespace ntpgeo::bench {
namespace {

/// A singular value threshold's library calls on random [rows, vocab] numbers, rows ≥ vocab, where `rank`
/// singular values survive.
class ThresholdCalls {
  public:
    ThresholdCalls(Backend& backend, std::int64_t rows, std::int64_t vocab, std::int64_t rank, Real real)
        : backend_(backend),
          rows_(rows),
          vocab_(vocab),
          rank_(rank),
          real_(real),
          a_(backend, rows * vocab * 8),
          out_(backend, rows * vocab * 8),
          inner_(backend, rows * rank * 8),
          gram_(backend, vocab * vocab * 8),
          vectors_(backend, vocab * rank * 8),
          values_(backend, vocab * 8) {
        backend.fill_normal(a_.vector(real, rows * vocab), {1, 0}, 1);
        backend.fill_normal(vectors_.vector(real, vocab * rank), {1, 1}, 1);
    }

    void run() {
        const Matrix a = a_.matrix(real_, rows_, vocab_), out = out_.matrix(real_, rows_, vocab_),
                     gram = gram_.matrix(real_, vocab_, vocab_);
        backend_.gram(a, true, gram);
        benchmark::DoNotOptimize(backend_.decompose_symmetric(gram, values_.vector(real_, vocab_)).data());
        const Matrix vectors = vectors_.matrix(real_, vocab_, rank_),
                     inner = inner_.matrix(real_, rows_, rank_);
        if (2 * rank_ < vocab_) {
            backend_.multiply(plain, 1, a, vectors, 0, inner);
            backend_.multiply(b_transposed, 1, inner, vectors, 0, out);
        } else {
            backend_.gram(vectors, false, gram);
            backend_.multiply(plain, 1, a, gram, 0, out);
        }
    }

  private:
    Backend& backend_;
    std::int64_t rows_, vocab_, rank_;
    Real real_;
    Array a_, out_, inner_, gram_, vectors_, values_;
};

Dataset random_supports(std::int64_t vocab, std::int64_t contexts) {
    SyntheticOptions options;
    options.vocab_size = vocab;
    options.contexts = options.supports.emplace(contexts);
    options.least_support = 2;
    options.most_support = 14;
    return make_synthetic(options);
}

/// The limit's solver, splitting alone, in its phase of fp32 steps or past it.
struct LimitSteps {
    LimitSteps(std::int64_t vocab, std::int64_t contexts, Real real)
        : backend(make_cpu_backend()), solver(*backend, random_supports(vocab, contexts), tolerance, 0) {
        for (int k = 0; k < 10; ++k) solver.advance();
        while (real == Real::fp64 && solver.in_fp32()) solver.advance();
        calls = std::make_unique<ThresholdCalls>(*backend, contexts, vocab, solver.survivors(), real);
    }
    void advance() { solver.advance(); }

    static constexpr double tolerance = 1e-8;
    std::unique_ptr<Backend> backend;
    LimitSolver solver;
    std::unique_ptr<ThresholdCalls> calls;
};

/// The path's solver at one λ, its columns solved by Newton's method.
struct PathSteps {
    PathSteps(std::int64_t vocab, std::int64_t contexts, Real)
        : backend(make_cpu_backend()), solver(*backend, random_supports(vocab, contexts), {1e-2}, tolerance) {
        for (int k = 0; k < 10; ++k) solver.step();
        calls = std::make_unique<ThresholdCalls>(*backend, contexts, vocab, solver.step_and_certify().rank,
                                                 Real::fp64);
    }
    void advance() { solver.step(); }

    static constexpr double tolerance = 1e-9;
    std::unique_ptr<Backend> backend;
    PathSolver solver;
    std::unique_ptr<ThresholdCalls> calls;
};

template <class Steps>
void time_steps(benchmark::State& state, const std::string& name, std::int64_t vocab, std::int64_t contexts,
                Real real) {
    auto& timed = keep_setup<Steps>(name, [&] { return std::make_unique<Steps>(vocab, contexts, real); });
    // Sums, not medians: a certificate every so often is part of what an iteration costs.
    double steps = 0, calls = 0;
    std::int64_t count = 0;
    for ([[maybe_unused]] auto _ : state) {
        const double step = seconds_of([&] { timed.advance(); });
        calls += seconds_of([&] { timed.calls->run(); });
        steps += step;
        ++count;
        state.SetIterationTime(step);
    }
    state.counters["ratio_to_calls"] = steps / calls;
    state.counters["calls_ms"] = calls / static_cast<double>(count) * 1e3;
}

template <class Steps>
void register_steps(const std::string& solver, std::int64_t vocab, std::int64_t contexts, Real real) {
    const std::string name =
        fmt::format("{}/V:{}/m:{}/{}", solver, vocab, contexts, real == Real::fp32 ? "fp32" : "fp64");
    register_case(name,
                  [=](benchmark::State& state) { time_steps<Steps>(state, name, vocab, contexts, real); })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond)
        ->Iterations(10)
        ->Repetitions(3)
        ->DisplayAggregatesOnly();
}

}  // namespace

void register_exact() {
    for (const Real real : {Real::fp32, Real::fp64})
        register_steps<LimitSteps>("limit_step", 500, 5000, real);
    register_steps<PathSteps>("path_step", 100, 1000, Real::fp64);
}

}  // namespace ntpgeo::bench
