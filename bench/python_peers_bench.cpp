// The same loss step in NumPy and in PyTorch, on the same data and in the same run as ours (bench/peers).
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

/// A Python library, and the script that knows how a step is written in it.
struct Library {
    const char* name;     ///< as the script says it before its version
    const char* subject;  ///< first part of its cases' names, and of their counters
    const char* script;
};
constexpr Library libraries[] = {{"NumPy", "numpy", NTPGEO_SOURCES "/bench/peers/numpy_step.py"},
                                 {"PyTorch", "torch", NTPGEO_SOURCES "/bench/peers/torch_cpu_step.py"}};

class PythonPeer {
  public:
    PythonPeer(const Library& library, const LossCase& loss_case) : name_(library.name) {
        try {
            child_.emplace(std::vector<std::string>{interpreter(), library.script});
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

    /// Whether there is an interpreter with the library; `about` then names the version, and otherwise the
    /// reason.
    [[nodiscard]] bool available() const { return about_.rfind(name_, 0) == 0; }
    [[nodiscard]] const std::string& about() const { return about_; }

    /// Median seconds of `count` runs: a step of ours, one of the peer's, and the peer's products alone.
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
            throw Failure("the " + name_ + " peer ended before its answer");
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
        if (!(answer >> loss >> norm)) throw Failure("the " + name_ + " peer ended before its answer");
        if (!(std::abs(loss - problem_->loss()) <= tolerance * loss &&
              std::abs(norm - problem_->gradient_norm()) <= tolerance * norm))
            throw Failure(fmt::format("wrong result: loss and gradient norm {} and {}, {}'s {} and {}",
                                      problem_->loss(), problem_->gradient_norm(), name_, loss, norm));
    }

    std::string name_;
    std::optional<ChildProcess> child_;
    std::optional<LossProblem> problem_;
    std::string about_;
};

void time_peer(benchmark::State& state, const Library& library, const LossCase& loss_case,
               std::int64_t runs) {
    auto& peer = keep_setup<PythonPeer>(fmt::format("peer_{}/{}", library.subject, loss_case.name()),
                                        [&] { return std::make_unique<PythonPeer>(library, loss_case); });
    if (!peer.available()) {
        const std::string reason = peer.about().empty() ? "no answer from " + interpreter() : peer.about();
        state.SkipWithError(
            fmt::format("skipped: {}; NTPGEO_PYTHON can name a Python with {}", reason, library.name)
                .c_str());
        return;
    }
    PythonPeer::Times times{};
    for ([[maybe_unused]] auto _ : state) {
        times = peer.time(runs);
        state.SetIterationTime(times.step);
    }
    state.counters[std::string("ratio_to_gemm_") + library.subject] = times.step / times.products;
    state.counters["times_ours"] = times.step / times.ours;
    state.counters["our_step_ms"] = times.ours * 1e3;
    state.SetLabel(peer.about());
}

}  // namespace

void register_python_peers() {
    for (const Library& library : libraries)
        for (const LossCase& loss_case : loss_cases())
            register_case(fmt::format("peer_{}/{}", library.subject, loss_case.name()),
                          [library, loss_case](benchmark::State& state) {
                              time_peer(state, library, loss_case, loss_case.iterations(0.5));
                          })
                ->UseManualTime()
                ->Unit(benchmark::kMillisecond)
                ->Iterations(1)
                ->Repetitions(3)
                ->DisplayAggregatesOnly();
}

}  // namespace ntpgeo::bench
