// limit --dry-run and path --dry-run.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "engine/exact/limit.hpp"
#include "engine/exact/path.hpp"
#include "engine/geometry/figures.hpp"
#include "engine/machine/memory.hpp"
#include "engine/machine/seconds.hpp"
#include "engine/runs/exact.hpp"
#include "host/run/rehearsal.hpp"
#include "host/run/runs.hpp"
#include "host/terminal/numbers.hpp"
#include "host/terminal/terminal.hpp"

namespace ntpgeo {
namespace {

/// Of the second of two.
template <class Iterate>
std::string time_of_an_iteration(const Iterate& iterate) {
    iterate();
    return fmt::format("{:.3g} s an iteration of splitting", seconds_of(iterate));
}

}  // namespace

void rehearse(ExactProblem problem, const ExactConfig& config, const Dataset& dataset, Backend& backend) {
    const bool of_limit = problem == ExactProblem::limit;
    const std::int64_t rows = exact_rows(problem, dataset), vocab = dataset.vocab_size,
                       matrix = rows * vocab * bytes_of(Real::fp64), rank = std::min(rows, vocab);
    print_problem(dataset, config.device, available_memory(backend));
    print_line("solved over", fmt::format("{} {}", rows, rows_of(problem)));
    print_bytes("solver",
                of_limit ? LimitSolver::bytes(rows, vocab, config.shards)
                         : PathSolver::bytes(rows, vocab, config.shards),
                fmt::format("at most, matrices [{}, {}] in fp64", rows, vocab));
    if (!of_limit) {
        const Labels labels(backend, dataset);
        print_bytes("metrics", figure_memory(backend, labels.view(), rank, Precision::fp64, rank).device,
                    fmt::format("at most, of a point of rank {}, and L_mm", rank));
    }
    print_bytes("a checkpoint", (of_limit ? 2 : 4) * matrix,
                fmt::format("on disk, {} kept, and on the host while it is written", kept_checkpoints));
    print_bytes(
        "result", (vocab + dataset.contexts()) * rank * bytes_of(Real::fp64),
        fmt::format(
            "on disk at most, factors of rank {}{}", rank,
            config.save_points ? fmt::format(", and of each of {} points", config.lambdas.size()) : ""));
    std::fflush(stdout);
    require_room(problem, backend, dataset, config.shards);
    const ExactSums sums(config.shards);
    if (of_limit) {
        LimitSolver solver(backend, dataset, config.tolerance, LimitSolver::most_newton_iterations,
                           ThresholdBy::prediction, sums.get());
        print_line("time",
                   fmt::format(
                       "{}; how many, and how many of Newton's method (at most {}), is not known beforehand",
                       time_of_an_iteration([&] { solver.advance(); }), LimitSolver::most_newton_iterations));
    } else {
        PathSolver solver(backend, dataset, config.lambdas, config.tolerance, ThresholdBy::prediction,
                          sums.get());
        print_line("time", fmt::format("{}; how many each of {} points takes is not known beforehand",
                                       time_of_an_iteration([&] { solver.step(); }), config.lambdas.size()));
    }
    print_line("written", "nothing: a dry run");
}

}  // namespace ntpgeo
