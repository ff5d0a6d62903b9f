#include "bench/three_products.hpp"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "bench/subjects.hpp"
#include "kernels/base/status.hpp"
#include "kernels/cpu/blas.hpp"
#include "kernels/cpu/team.hpp"

namespace ntpgeo::bench {
namespace {

constexpr std::int64_t slice_bytes = std::int64_t{1} << 30;
constexpr std::int64_t largest_chunk = 512;

/// Libraries are left on one thread, as the backend leaves OpenBLAS; this lends one of them all.
class AllThreads {
  public:
    explicit AllThreads(const GemmLibrary& library) : library_(library) {
        library_.set_threads(omp_get_max_threads());
    }
    ~AllThreads() { library_.set_threads(1); }
    AllThreads(const AllThreads&) = delete;
    AllThreads& operator=(const AllThreads&) = delete;

  private:
    const GemmLibrary& library_;
};

template <class G>
class ThreeProductsOf final : public ThreeProducts {
  public:
    ThreeProductsOf(Matrix words, Matrix contexts)
        : ThreeProducts(std::is_same_v<G, float> ? Precision::fp32 : Precision::fp64, words.rows,
                        contexts.rows, slice_of(words.rows, contexts.rows)),
          dim_(words.columns),
          threads_(team_size()),
          words_(vocab_ * dim_),
          embeddings_(contexts_ * dim_),
          words_gradient_(threads_ * vocab_ * dim_),
          contexts_gradient_(contexts_ * dim_),
          logits_(std::max(slice_, threads_ * largest_chunk) * vocab_) {
        std::copy_n(words.as<double>(), vocab_ * dim_, words_.data());
        std::copy_n(contexts.as<double>(), contexts_ * dim_, embeddings_.data());
    }

    void run(const Arrangement& arrangement) override {
        // The library's plain call, beta = 0, wherever a product starts afresh: a thread's first dW, every Z
        // and dH.
        touched_.assign(static_cast<std::size_t>(threads_), false);
        if (arrangement.whole) {
            const AllThreads all(*arrangement.library);
            for (std::int64_t begin = 0; begin < contexts_; begin += slice_)
                multiply(*arrangement.library, begin, std::min(contexts_ - begin, slice_), 0);
        } else {
            const std::int64_t chunks = (contexts_ + arrangement.contexts - 1) / arrangement.contexts;
            share_loop(chunks, 1, static_cast<int>(threads_), [&](Parts& parts) {
                const OneBlasThread one;
                for_each_of(parts, [&](std::int64_t c) {
                    multiply(*arrangement.library, c * arrangement.contexts,
                             std::min(contexts_ - c * arrangement.contexts, arrangement.contexts),
                             parts.thread());
                });
            });
        }
    }

    [[nodiscard]] double checksum() const override {
        double sum = 0;
        for (std::int64_t i = 0; i < vocab_ * dim_; ++i) {
            double value = 0;
            for (std::int64_t thread = 0; thread < threads_; ++thread)
                if (touched_[thread]) value += words_gradient_.data()[thread * vocab_ * dim_ + i];
            sum += value * value;
        }
        for (std::int64_t i = 0; i < contexts_ * dim_; ++i)
            sum += std::pow(static_cast<double>(contexts_gradient_.data()[i]), 2);
        return sum;
    }

  private:
    static std::int64_t slice_of(std::int64_t vocab, std::int64_t contexts) {
        const std::int64_t most = slice_bytes / (vocab * static_cast<std::int64_t>(sizeof(G)));
        const std::int64_t slices = (contexts + most - 1) / most;
        return (contexts + slices - 1) / slices;
    }

    void multiply(const GemmLibrary& library, std::int64_t begin, std::int64_t size, std::int64_t thread) {
        G* logits = logits_.data() + thread * largest_chunk * vocab_;
        G* words_gradient = words_gradient_.data() + thread * vocab_ * dim_;
        const G* embeddings = embeddings_.data() + begin * dim_;
        library.multiply(Taken::plain, Taken::transposed, size, vocab_, dim_, embeddings, dim_, words_.data(),
                         dim_, G{0}, logits, vocab_);
        library.multiply(Taken::transposed, Taken::plain, vocab_, dim_, size, logits, vocab_, embeddings,
                         dim_, touched_[thread] ? G{1} : G{0}, words_gradient, dim_);
        library.multiply(Taken::plain, Taken::plain, size, dim_, vocab_, logits, vocab_, words_.data(), dim_,
                         G{0}, contexts_gradient_.data() + begin * dim_, dim_);
        touched_[thread] = true;
    }

    std::int64_t dim_, threads_;
    AlignedArray<G> words_, embeddings_;  // [V, d], [m, d]
    AlignedArray<G> words_gradient_;      // [threads, V, d]
    AlignedArray<G> contexts_gradient_;   // [m, d]
    AlignedArray<G> logits_;              // [slice, V], or [threads, chunk, V]
    std::vector<char> touched_;           // [threads] whether a thread's dW holds this run's
};

}  // namespace

std::string Arrangement::name() const {
    return fmt::format("{} {}", library->name(), whole ? "whole" : fmt::format("chunks of {}", contexts));
}

std::vector<Arrangement> ThreeProducts::compare(std::int64_t chunk) {
    constexpr double never = std::numeric_limits<double>::infinity();
    std::vector<Arrangement> arrangements;
    for (const auto& library : gemm_libraries()) {
        if (!library->multiplies(precision_)) continue;
        library->set_threads(1);
        arrangements.push_back({library.get(), true, slice_, never});
        arrangements.push_back({library.get(), false, std::min(chunk, largest_chunk), never});
        if (chunk < largest_chunk && contexts_ >= largest_chunk)
            arrangements.push_back({library.get(), false, largest_chunk, never});
    }
    const auto faster = [](const Arrangement& a, const Arrangement& b) { return a.seconds < b.seconds; };
    double spent = 0, reference = 0;
    for (int round = 0; round < 2 || (round < 6 && spent < 1); ++round) {
        const double best = std::min_element(arrangements.begin(), arrangements.end(), faster)->seconds;
        for (Arrangement& arrangement : arrangements) {
            if (round > 1 && arrangement.seconds > 4.0 / 3 * best) continue;
            const double seconds = seconds_in_a_burst([&] { run(arrangement); });
            arrangement.seconds = std::min(arrangement.seconds, seconds);
            spent += seconds;
            if (round > 0) continue;
            const double sum = checksum();
            if (reference == 0) reference = sum;
            if (!(std::abs(sum - reference) <= 1e-4 * reference))
                throw Failure("wrong result: the products differ between " + arrangements.front().name() +
                              " and " + arrangement.name());
        }
    }
    std::stable_sort(arrangements.begin(), arrangements.end(), faster);
    return arrangements;
}

std::unique_ptr<ThreeProducts> make_three_products(Precision precision, Matrix words, Matrix contexts) {
    if (precision == Precision::fp32) return std::make_unique<ThreeProductsOf<float>>(words, contexts);
    return std::make_unique<ThreeProductsOf<double>>(words, contexts);
}

}  // namespace ntpgeo::bench
