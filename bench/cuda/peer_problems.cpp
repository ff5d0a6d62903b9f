#include "bench/cuda/peer_problems.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "bench/cuda/problem_on_gpu.hpp"
#include "host/files/safetensors.hpp"

namespace ntpgeo::bench {
namespace {

void write_problem(Backend& gpu, const ProblemSize& size, const std::filesystem::path& path) {
    const KnownProblem& problem = known_problem(size);
    const std::int64_t compared = compared_contexts(size);
    std::map<std::string, std::string> metadata{{"name", size.name()},
                                                {"compared_contexts", std::to_string(compared)}};
    std::vector<TensorToWrite> tensors{
        tensor_to_write("W", {size.vocab, size.dim}, problem.words()),
        tensor_to_write("H", {size.contexts, size.dim}, problem.contexts()),
        tensor_to_write("indptr", {size.contexts + 1}, problem.indptr()),
        tensor_to_write("indices", {static_cast<std::int64_t>(problem.indices().size())}, problem.indices())};
    const WordsOnGpu words(gpu, problem, Real::fp64);
    for (int at = 0; at < 2; ++at) {
        const KnownState& state = problem.states()[static_cast<std::size_t>(at)];
        tensors.push_back(tensor_to_write(fmt::format("probs_{}", at),
                                          {static_cast<std::int64_t>(state.probs.size())}, state.probs));
        const ProblemOnGpu on_gpu(gpu, problem, words, at, compared);
        const LossSums sums = on_gpu.run(*on_gpu.make_step(Precision::fp64));
        const Vector gradient = on_gpu.gradient();
        metadata[fmt::format("scale_{}", at)] = fmt::format("{}", state.scale);
        metadata[fmt::format("excess_{}", at)] = fmt::format("{}", sums.excess_loss);
        metadata[fmt::format("gradient_norm_{}", at)] =
            fmt::format("{}", std::sqrt(gpu.dot(gradient, gradient)));
    }
    write_safetensors(path, tensors, metadata);
}

}  // namespace

void write_peer_problems(const std::filesystem::path& folder, const Scale& scale) {
    std::filesystem::create_directories(folder);
    const auto gpu = make_cuda_backend(0);
    // Three sizes with 8 words a context, the first of them with 64 as well, and the hard labels, in a
    // vocabulary that every peer takes: quack's is a multiple of 8.
    std::vector<ProblemSize> sizes = loss_step_sizes(scale);
    if (sizes.size() > 4) sizes.resize(4);
    ProblemSize hard = sizes[std::min<std::size_t>(2, sizes.size() - 1)];
    hard.contexts = compared_contexts(hard);
    hard.support = 1;
    sizes.push_back(hard);
    for (std::size_t i = 0; i < sizes.size(); ++i)
        write_problem(*gpu, sizes[i], folder / fmt::format("problem-{}.safetensors", i));
}

}  // namespace ntpgeo::bench
