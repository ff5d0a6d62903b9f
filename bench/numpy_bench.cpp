// The same loss step in NumPy, on the same data and in the same run as ours (peers/numpy_step.py).
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <thread>
#include <vector>

#include "bench/loss_problem.hpp"
#include "bench/peers/child_process.hpp"
#include "bench/subjects.hpp"

namespace ntpgeo::bench {
namespace {

std::string interpreter() {
    if (const char* named = std::getenv("NTPGEO_PYTHON")) return named;
    const char* beside_sources = NTPGEO_SOURCES "/.venv/bin/python";
    return access(beside_sources, X_OK) == 0 ? beside_sources : "python3";
}

class NumpyPeer {
  public:
    explicit NumpyPeer(const LossCase& loss_case) {
        try {
            child_.emplace(
                std::vector<std::string>{interpreter(), NTPGEO_SOURCES "/bench/peers/numpy_step.py"});
            about_ = child_->read_line();
        } catch (const Failure& failure) {
            about_ = failure.what();
        }
        if (!available()) return;
        problem_.emplace(random_labels(loss_case), loss_case.dim, loss_case.precision);
        const Dataset& data = problem_->dataset();
        child_->write_line(fmt::format("problem {} {} {} {} {}", loss_case.vocab, loss_case.contexts,
                                       loss_case.dim, data.nnz(),
                                       loss_case.precision == Precision::fp32 ? "float32" : "float64"));
        send(data.indptr);
        send(data.indices);
        send(data.probs);
        send(data.context_probs);
        child_->write_bytes(problem_->words().data, loss_case.vocab * loss_case.dim * 8);
        child_->write_bytes(problem_->contexts().data, loss_case.contexts * loss_case.dim * 8);
        about_ += ", " + child_->read_line();
        check(loss_case.precision == Precision::fp32 ? 1e-4 : 1e-9);
    }

    /// Whether there is an interpreter with NumPy; `about` then names the version, and otherwise the reason.
    [[nodiscard]] bool available() const { return about_.rfind("NumPy", 0) == 0; }
    [[nodiscard]] const std::string& about() const { return about_; }

    /// Median seconds of `count` runs: a step of ours, one of NumPy's, and NumPy's products alone.
    struct Times {
        double ours, step, products;
    };
    Times time(std::int64_t count) {
        Times times{};
        std::vector<double> ours;
        pause();
        for (std::int64_t i = 0; i < count; ++i) ours.push_back(seconds_of([&] { problem_->run(); }));
        times.ours = median(ours);
        pause();
        child_->write_line(fmt::format("time {}", count));
        std::istringstream answer(child_->read_line());
        if (!(answer >> times.step >> times.products))
            throw Failure("the NumPy peer ended before its answer");
        return times;
    }

  private:
    template <class T>
    void send(const std::vector<T>& values) {
        child_->write_bytes(values.data(), static_cast<std::int64_t>(values.size() * sizeof(T)));
    }

    // Both sides' idle threads spin for a while before they sleep.
    static void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(60)); }

    void check(double tolerance) {
        child_->write_line("check");
        std::istringstream answer(child_->read_line());
        double loss = 0, norm = 0;
        if (!(answer >> loss >> norm)) throw Failure("the NumPy peer ended before its answer");
        if (!(std::abs(loss - problem_->loss()) <= tolerance * loss &&
              std::abs(norm - problem_->gradient_norm()) <= tolerance * norm))
            throw Failure(fmt::format("wrong result: loss and gradient norm {} and {}, NumPy's {} and {}",
                                      problem_->loss(), problem_->gradient_norm(), loss, norm));
    }

    std::optional<ChildProcess> child_;
    std::optional<LossProblem> problem_;
    std::string about_;
};

void time_numpy(benchmark::State& state, const LossCase& loss_case, std::int64_t runs) {
    auto& peer = keep_setup<NumpyPeer>("peer_numpy/" + loss_case.name(),
                                       [&] { return std::make_unique<NumpyPeer>(loss_case); });
    if (!peer.available()) {
        const std::string reason = peer.about().empty() ? "no answer from " + interpreter() : peer.about();
        state.SkipWithError(("skipped: " + reason + "; NTPGEO_PYTHON can name a Python with NumPy").c_str());
        return;
    }
    NumpyPeer::Times times{};
    for ([[maybe_unused]] auto _ : state) {
        times = peer.time(runs);
        state.SetIterationTime(times.step);
    }
    state.counters["ratio_to_gemm_numpy"] = times.step / times.products;
    state.counters["times_ours"] = times.step / times.ours;
    state.counters["our_step_ms"] = times.ours * 1e3;
    state.SetLabel(peer.about());
}

}  // namespace

void register_numpy_peer() {
    for (const LossCase& loss_case : loss_cases())
        register_case(
            "peer_numpy/" + loss_case.name(),
            [loss_case](benchmark::State& state) { time_numpy(state, loss_case, loss_case.iterations(0.5)); })
            ->UseManualTime()
            ->Unit(benchmark::kMillisecond)
            ->Iterations(1)
            ->Repetitions(3)
            ->DisplayAggregatesOnly();
}

}  // namespace ntpgeo::bench
