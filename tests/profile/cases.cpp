#include "tests/profile/cases.hpp"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>

#include "engine/data/synthetic.hpp"
#include "engine/exact/limit.hpp"
#include "engine/exact/path.hpp"
#include "engine/geometry/figures.hpp"
#include "engine/training/trainer.hpp"
#include "host/commands/data_sets.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo::profile {
namespace {

/// The emulated device with the multiprocessors of an H100: what is cut by them is cut as there. It reads its
/// environment at its first call.
std::unique_ptr<Backend> make_gpu() {
    setenv("EMULATED_DEVICE_MULTIPROCESSORS", "132", 0);
    setenv("EMULATED_DEVICE_MEMORY", "4294967296", 0);
    return make_cuda_backend(0);
}

/// Counts `iterations` calls of `advance`.
Profile count_calls(const std::string& name, const std::string& problem, std::int64_t iterations,
                    const std::function<void()>& advance) {
    const auto finish = [] {
        if (cudaDeviceSynchronize() != cudaSuccess) throw Failure("the emulated device does not answer");
    };
    finish();
    emulated_device::reset_counts();
    emulated_device::measure_traffic(true);
    for (std::int64_t k = 0; k < iterations; ++k) advance();
    Profile profile{name, problem, iterations, emulated_device::counts_by_region(), {}};
    finish();
    profile.traffic = emulated_device::kernel_traffic();
    emulated_device::measure_traffic(false);
    return profile;
}

Dataset stories() {
    std::string lines;
    return make_stories({}, lines);
}

/// As many support sets as contexts, of 2 to 14 words.
Dataset random_supports(std::int64_t vocab, std::int64_t contexts) {
    SyntheticOptions options;
    options.vocab_size = vocab;
    options.contexts = options.supports.emplace(contexts);
    options.least_support = 2;
    options.most_support = 14;
    options.seed = 1;
    return make_synthetic(options);
}

std::string sizes(const Dataset& data) {
    return fmt::format("V = {}, m = {}", data.vocab_size, data.contexts());
}

/// bf16 products, fp64 master. lbfgs has all its pairs, and every recording is made, before counting begins.
Profile train(const std::string& name, OptimizerKind optimizer, const Dataset& data, std::int64_t dim,
              std::int64_t warm_up, std::int64_t steps) {
    const std::unique_ptr<Backend> gpu = make_gpu();
    const Labels labels(*gpu, data);
    TrainingSettings settings;
    settings.dim = dim;
    Stage& stage = settings.stages.front();
    stage.optimizer = optimizer;
    stage.steps = warm_up + steps;
    stage.precision = Precision::bf16;
    stage.learning_rate = row_of(optimizer).rate;
    Trainer trainer(*gpu, labels, settings);
    for (std::int64_t k = 0; k < warm_up; ++k) trainer.advance();
    return count_calls(name, fmt::format("{}, d = {}, bf16", sizes(data), dim), steps,
                       [&] { trainer.advance(); });
}

/// By the optimizer of the case's name.
Profile train_as_named(const std::string& name, Scale scale) {
    constexpr std::int64_t pairs = 10;
    const auto row = std::find_if(std::begin(optimizer_table), std::end(optimizer_table),
                                  [&](const OptimizerRow& other) { return other.name == name; });
    const bool lbfgs = row->kind == OptimizerKind::lbfgs, full = scale == Scale::full;
    return train(name, row->kind, full ? stories() : random_supports(50, 200), full ? 64 : 16,
                 lbfgs ? pairs + 4 : 4, lbfgs ? 6 : 2);
}

/// More than one chunk of contexts.
Profile train_in_chunks(const std::string& name, Scale scale) {
    const bool full = scale == Scale::full;
    return train(name, OptimizerKind::adam, full ? random_supports(2000, 20000) : random_supports(600, 1300),
                 full ? 128 : 8, 4, full ? 1 : 2);
}

/// The emulated device has no predictions: what thresholds are made by is the case's.
ThresholdBy by_of(const std::string& name) {
    return name.ends_with("-products") ? ThresholdBy::products : ThresholdBy::decomposition;
}

/// Between two certificates.
Profile limit(const std::string& name, Scale scale) {
    const std::unique_ptr<Backend> gpu = make_gpu();
    const Dataset data = scale == Scale::full ? random_supports(500, 5000) : random_supports(40, 100);
    LimitSolver solver(*gpu, data, 1e-6, LimitSolver::most_newton_iterations, by_of(name));
    while (solver.iterations() < 12) solver.advance();
    return count_calls(name, sizes(data), 2, [&] { solver.advance(); });
}

/// Where the step that is counted makes a certificate as well.
Profile limit_certificate(const std::string& name, Scale scale) {
    const std::unique_ptr<Backend> gpu = make_gpu();
    const Dataset data = scale == Scale::full ? random_supports(500, 5000) : random_supports(40, 100);
    LimitSolver solver(*gpu, data, 1e-6);
    while (solver.iterations() < 2) solver.advance(true);
    return count_calls(name, sizes(data), 1, [&] { solver.advance(true); });
}

/// An iteration of Newton's method; its basis has had as many vectors before.
Profile limit_newton(const std::string& name, Scale scale) {
    const std::unique_ptr<Backend> gpu = make_gpu();
    const Dataset data = scale == Scale::full ? random_supports(100, 200) : random_supports(20, 20);
    LimitSolver solver(*gpu, data, 1e-6);
    while (solver.iterations() < 10) solver.advance();
    LimitSolver::State state = solver.state();
    state.newton = SmoothedNewton::State{.rho = state.rho, .nu = 1e-3};
    solver.restore(state);
    for (int k = 0; k < 3; ++k) solver.advance();
    return count_calls(name, sizes(data), 1, [&] { solver.advance(); });
}

Profile path(const std::string& name, Scale scale) {
    const std::unique_ptr<Backend> gpu = make_gpu();
    const Dataset data = scale == Scale::full ? random_supports(100, 1000) : random_supports(20, 40);
    PathSolver solver(*gpu, data, {1e-2}, 1e-6, by_of(name));
    for (int k = 0; k < 12; ++k) solver.advance();
    return count_calls(name, sizes(data) + ", lambda = 1e-2", 2, [&] { solver.advance(); });
}

Profile record(const std::string& name, Scale scale) {
    const bool full = scale == Scale::full;
    const std::int64_t dim = full ? 64 : 16;
    const std::unique_ptr<Backend> gpu = make_gpu();
    const Dataset data = full ? stories() : random_supports(50, 200);
    FigureMeter meter(*gpu, data);
    const Array words(*gpu, data.vocab_size * dim * 8), contexts(*gpu, data.contexts() * dim * 8);
    const Matrix w = words.matrix(Real::fp64, data.vocab_size, dim),
                 h = contexts.matrix(Real::fp64, data.contexts(), dim);
    gpu->fill_normal(w.flat(), {1, 0}, 0.1);
    gpu->fill_normal(h.flat(), {1, 1}, 0.1);
    std::int64_t step = 0;
    const auto measure = [&] { meter.measure(w, h, 0, Precision::fp64, 0, step++); };
    measure();
    return count_calls(name, fmt::format("{}, d = {}, fp64", sizes(data), dim), 1, measure);
}

/// Contexts of two tokens, of words as frequent as 1 / rank.
Profile counting(const std::string& name, Scale scale) {
    const std::unique_ptr<Backend> gpu = make_gpu();
    constexpr std::int64_t vocab = 50000;
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> uniform;
    std::vector<std::int32_t> ids(scale == Scale::full ? 1'000'000 : 20'000);
    for (std::int32_t& id : ids) id = static_cast<std::int32_t>(std::pow(double{vocab}, uniform(random))) - 1;
    const std::vector<std::int64_t> document_ends{static_cast<std::int64_t>(ids.size())};
    const TokensInMemory tokens(ids);
    const TextIds text{tokens, document_ends, vocab};
    const WindowOptions options{.context_length = 2, .min_count = 2};
    gpu->count_windows(text, options);
    return count_calls(name, fmt::format("{} tokens of V = {}, N = 2", ids.size(), vocab), 1,
                       [&] { gpu->count_windows(text, options); });
}

}  // namespace

emulated_device::Counts Profile::total() const {
    emulated_device::Counts total;
    for (const auto& [region, counts] : regions) total += counts;
    return total;
}

const std::vector<Case>& all_cases() {
    static const std::vector<Case> cases = {
        {"gd", "a step", train_as_named},
        {"momentum", "a step", train_as_named},
        {"ngd", "a step", train_as_named},
        {"adam", "a step", train_as_named},
        {"adam-chunks", "a step over several chunks of contexts", train_in_chunks},
        {"adamw", "a step", train_as_named},
        {"lbfgs", "an accepted step, its line search included", train_as_named},
        {"sign", "a step", train_as_named},
        {"limit", "a splitting step", limit},
        {"limit-products", "the same, its threshold by products alone, in fp32", limit},
        {"limit-certificate", "a splitting step with a certificate", limit_certificate},
        {"limit-newton", "an iteration of Newton's method, each product of its GMRES included", limit_newton},
        {"path", "a splitting step", path},
        {"path-products", "the same, its threshold by products alone", path},
        {"record", "the figures of a record", record},
        {"counting", "a text", counting},
    };
    return cases;
}

const Case& find_case(const std::string& name) {
    std::string names;
    for (const Case& known : all_cases()) {
        if (known.name == name) return known;
        names += (names.empty() ? "" : ", ") + known.name;
    }
    throw InputError(fmt::format("'{}' is no case; there are {}", name, names));
}

}  // namespace ntpgeo::profile
