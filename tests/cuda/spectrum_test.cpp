// The engine's spectra over a GPU against the same over the CPU: the figures of both agree to 1e-9.
#include "engine/geometry/spectrum.hpp"

#include <tuple>

#include "engine/data/labels.hpp"
#include "engine/geometry/proxy.hpp"
#include "tests/cuda/cuda_fixture.hpp"

namespace ntpgeo {
namespace {

constexpr double agreement = 1e-9;

class CudaSpectrum : public CudaTest {};

// Dense where the shorter side has at most 256 rows, block Krylov above.
TEST_F(CudaSpectrum, LowRankPart) {
    const std::vector<std::tuple<int, int>> shapes{{33, 100}, {100, 31}, {290, 300}};
    for (const auto& [vocab, contexts] : shapes) {
        constexpr std::int64_t dim = 9;
        const Dataset data = random_dataset(vocab, contexts, 20, 1, 6, seed());
        const std::vector<double> words = random(std::int64_t{vocab} * dim),
                                  embeddings = random(std::int64_t{contexts} * dim),
                                  sparse = random(data.nnz());
        const auto measure = [&, vocab = vocab, contexts = contexts](Backend& backend) {
            const Labels labels(backend, data);
            const Guarded w(backend, Real::fp64, words), h(backend, Real::fp64, embeddings),
                f(backend, Real::fp64, sparse);
            const LowRankPart matrix(backend, labels.view(), w.matrix(vocab, dim), h.matrix(contexts, dim),
                                     f.data());
            return leading_spectrum(backend, matrix, 6, 1, 2);
        };
        const LeadingSpectrum spectrum = measure(gpu()), twin = measure(cpu());
        const std::string configuration = std::to_string(vocab) + " x " + std::to_string(contexts);
        EXPECT_TRUE(close_to(spectrum.values, twin.values, agreement, configuration));
        EXPECT_EQ(spectrum.vectors_are_left, twin.vectors_are_left) << configuration;
        EXPECT_LT(spectrum.residual, agreement) << configuration;
    }
}

TEST_F(CudaSpectrum, SupportProxy) {
    const std::vector<std::tuple<int, int>> shapes{{33, 100}, {100, 31}};
    for (const auto& [vocab, contexts] : shapes) {
        constexpr std::int64_t dim = 5;
        const Dataset data = random_dataset(vocab, contexts, 20, 1, 6, seed());
        const std::vector<double> words = random(std::int64_t{vocab} * dim),
                                  embeddings = random(std::int64_t{contexts} * dim);
        const auto measure = [&, vocab = vocab, contexts = contexts](Backend& backend) {
            const Labels labels(backend, data);
            const SupportProxy proxy(backend, data, labels.view());
            const Guarded w(backend, Real::fp64, words), h(backend, Real::fp64, embeddings);
            std::vector<double> figures = proxy.values();
            figures.push_back(proxy.words_gram_cosine(w.matrix(vocab, dim)));
            figures.push_back(proxy.contexts_gram_cosine(h.matrix(contexts, dim)));
            return figures;
        };
        EXPECT_TRUE(close_to(measure(gpu()), measure(cpu()), agreement,
                             std::to_string(vocab) + " x " + std::to_string(contexts)));
    }
}

}  // namespace
}  // namespace ntpgeo
