#include "bench/cuda/device_work.hpp"

#include <port.cuh>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <type_traits>
#include <utility>
#include <vector>

#include "bench/cuda/device_work_kernels.cuh"
#include "kernels/anchored_xent/plan_cuda.hpp"
#include "kernels/anchored_xent/products_cuda.cuh"
#include "kernels/anchored_xent/stream_cuda.cuh"
#include "kernels/device/device.cuh"
#include "kernels/device/runtime.cuh"
#include "kernels/operands/operands.cuh"

namespace ntpgeo::bench {
namespace {

using namespace anchored_xent::cuda;
using device::DeviceArray;

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

/// A stream of its own, and the small things all work needs on it.
class WorkOnStream : public DeviceWork {
  public:
    void wait() override { device_.synchronise(); }

  protected:
    template <class Element>
    void fill(const DeviceArray<Element>& array, std::uint64_t seed) {
        NTPGEO_CHECK(launch(fill_kernel<Element>, dim3(fill_blocks), dim3(kernel_threads), 0,
                            device_.stream(), array.data(), array.size(), seed));
    }
    template <class Element>
    double dot(const Element* a, std::int64_t step_a, const Element* b, std::int64_t step_b,
               std::int64_t size) {
        NTPGEO_CHECK(launch(dot_kernel<Element>, dim3(1), dim3(kernel_threads), 0, device_.stream(), a,
                            step_a, b, step_b, size, sum_.data()));
        return device_.fetch(sum_.data());
    }
    /// |value − expected|, relative to the norm of what was summed.
    template <class Element>
    double deviation(const Element* value, double expected, double scale) {
        return std::abs(static_cast<double>(device_.fetch(value)) - expected) / scale;
    }

    device::Device device_{0};
    DeviceArray<double> sum_{1};
};

class Copy final : public WorkOnStream {
  public:
    explicit Copy(std::int64_t bytes) : from_(bytes / 8), to_(bytes / 8) { fill(from_, 1); }
    void queue() override {
        NTPGEO_CHECK(cudaMemcpyAsync(to_.data(), from_.data(), static_cast<std::size_t>(from_.bytes()),
                                     cudaMemcpyDeviceToDevice, device_.stream()));
    }
    double error() override {
        double worst = 0;
        for (const std::int64_t at : {std::int64_t{0}, from_.size() / 2, from_.size() - 1})
            worst = std::max(worst, deviation(to_.data() + at, device_.fetch(from_.data() + at), 1));
        return worst;
    }

  private:
    DeviceArray<double> from_, to_;
};

// A: the arithmetic. C = A·B, all [n, n]; for two terms the inner size is three times n.
template <class A>
class Gemm final : public WorkOnStream {
  public:
    explicit Gemm(std::int64_t n) : n_(n), inner_(copies<A> * n), a_(n * inner_), b_(n * inner_), c_(n * n) {
        fill(a_, 1);
        fill(b_, 2);
    }
    void queue() override {
        product<A>(device_.cublas(), false, true, n_, n_, inner_, {a_.data(), inner_}, {b_.data(), inner_}, 0,
                   {c_.data(), n_});
    }
    double error() override {
        const std::int64_t row = n_ / 3, column = n_ - 1;
        const double expected = dot(a_.data() + row * inner_, 1, b_.data() + column * inner_, 1, inner_);
        return deviation(c_.data() + row * n_ + column, expected, std::sqrt(static_cast<double>(inner_)) / 3);
    }

  private:
    std::int64_t n_, inner_;
    DeviceArray<typename A::Operand> a_, b_;
    DeviceArray<typename A::Logit> c_;
};

template <class A>
class ThreeProducts final : public WorkOnStream {
    using Operand = typename A::Operand;
    static constexpr int pairs = A::terms == 2 ? 3 : 1;
    static constexpr int term_of_e[3] = {0, 0, 1}, term_of_factor[3] = {0, 1, 0};

  public:
    ThreeProducts(std::int64_t vocab, std::int64_t contexts, std::int64_t dim, const ProductSizes& sizes)
        : count_(contexts),
          chunk_(std::min(sizes.logits, contexts)),
          group_(std::min(sizes.gradients, contexts)),
          dim_(round_up(dim, 8)),
          stride_(round_up(vocab, 128)),
          words_(stride_ * copies<A> * dim_),
          contexts_(chunk_ * copies<A> * dim_),
          scaled_(group_ * A::terms * dim_),
          logits_(chunk_ * stride_),
          exponentials_(A::terms * group_ * stride_),
          words_gradient_(stride_ * dim_),
          contexts_gradient_(group_ * dim_) {
        fill(words_, 1);
        fill(contexts_, 2);
        fill(scaled_, 3);
        fill(exponentials_, 4);
    }
    void queue() override {
        for (std::int64_t begin = 0; begin < count_; begin += group_) {
            const std::int64_t size = std::min(group_, count_ - begin);
            for (std::int64_t at = 0; at < size; at += chunk_) logits_product(std::min(chunk_, size - at));
            gradient_products(size, begin == 0 ? 0.0 : 1.0);
        }
    }
    double error() override {
        const std::int64_t inner = copies<A> * dim_, word = stride_ / 2, column = dim_ - 1;
        const double logit = dot(contexts_.data(), 1, words_.data() + word * inner, 1, inner);
        double of_word = 0, of_context = 0;
        for (int pair = 0; pair < pairs; ++pair) {
            const Operand* const e = plane(pair);
            const std::int64_t term = term_of_factor[pair] * dim_ + column;
            for (std::int64_t begin = 0; begin < count_; begin += group_)
                of_word += dot(e + word, stride_, scaled_.data() + term, A::terms * dim_,
                               std::min(group_, count_ - begin));
            of_context += dot(e, 1, words_.data() + term, inner, stride_);
        }
        const auto scale = [](std::int64_t terms) { return std::sqrt(static_cast<double>(terms)) / 3; };
        return std::max(
            {deviation(logits_.data() + word, logit, scale(inner)),
             deviation(words_gradient_.data() + word * dim_ + column, of_word, scale(pairs * count_)),
             deviation(contexts_gradient_.data() + column, of_context, scale(pairs * stride_))});
    }

  private:
    [[nodiscard]] const Operand* plane(int pair) const {
        return exponentials_.data() + term_of_e[pair] * group_ * stride_;
    }
    // As LossStepCuda makes them.
    void logits_product(std::int64_t size) {
        const std::int64_t inner = copies<A> * dim_;
        product<A>(device_.cublas(), false, true, size, stride_, inner, {contexts_.data(), inner},
                   {words_.data(), inner}, 0, {logits_.data(), stride_});
    }
    void gradient_products(std::int64_t size, double beta) {
        for (int pair = 0; pair < pairs; ++pair) {
            const std::int64_t term = term_of_factor[pair] * dim_;
            product<A>(device_.cublas(), true, false, stride_, dim_, size, {plane(pair), stride_},
                       {scaled_.data() + term, A::terms * dim_}, pair == 0 ? beta : 1.0,
                       {words_gradient_.data(), dim_});
            product<A>(device_.cublas(), false, false, size, dim_, stride_, {plane(pair), stride_},
                       {words_.data() + term, copies<A> * dim_}, pair == 0 ? 0.0 : 1.0,
                       {contexts_gradient_.data(), dim_});
        }
    }

    std::int64_t count_, chunk_, group_, dim_, stride_;
    DeviceArray<Operand> words_, contexts_;                              // [stride or chunk, copies·dim]
    DeviceArray<Operand> scaled_;                                        // [group, terms·dim]
    DeviceArray<typename A::Logit> logits_;                              // [chunk, stride]
    DeviceArray<Operand> exponentials_;                                  // [terms, group, stride]
    DeviceArray<typename A::Logit> words_gradient_, contexts_gradient_;  // [stride or group, dim]
};

template <class A>
class StreamingPass final : public WorkOnStream {
    using Logit = typename A::Logit;

  public:
    StreamingPass(std::int64_t vocab, std::int64_t contexts)
        : vocab_(vocab),
          contexts_(contexts),
          stride_(round_up(vocab, 128)),
          tiles_((stride_ + stream_tile<A> - 1) / stream_tile<A>),
          logits_(contexts * stride_),
          exponentials_(A::terms * contexts * stride_),
          log2_anchors_(contexts),
          sums_(contexts * tiles_) {
        fill(logits_, 1);
        const std::vector<Logit> anchors(static_cast<std::size_t>(contexts),
                                         static_cast<Logit>(anchor * std::numbers::log2e));
        NTPGEO_CHECK(cudaMemcpyAsync(log2_anchors_.data(), anchors.data(),
                                     static_cast<std::size_t>(log2_anchors_.bytes()), cudaMemcpyHostToDevice,
                                     device_.stream()));
        device_.synchronise();
    }
    void queue() override {
        stream_exponentials<A>(logits_.data(), log2_anchors_.data(), exponentials_.data(),
                               contexts_ * stride_, sums_.data(), vocab_, stride_, contexts_,
                               device_.stream());
    }
    double error() override {
        double worst = 0;
        for (const std::int64_t row : {std::int64_t{0}, contexts_ - 1}) {
            const auto logits = download(logits_.data() + row * stride_, stride_);
            const auto sums = download(sums_.data() + row * tiles_, tiles_);
            double expected = 0, sum = 0;
            for (std::int64_t v = 0; v < vocab_; ++v)
                expected += std::exp(static_cast<double>(logits[static_cast<std::size_t>(v)]) - anchor);
            for (const double part : sums) sum += part;
            worst = std::max(worst, std::abs(sum - expected) / expected);
        }
        return worst;
    }

  private:
    static constexpr double anchor = 2;

    template <class Element>
    std::vector<Element> download(const Element* from, std::int64_t size) {
        std::vector<Element> host(static_cast<std::size_t>(size));
        NTPGEO_CHECK(cudaMemcpyAsync(host.data(), from, host.size() * sizeof(Element), cudaMemcpyDeviceToHost,
                                     device_.stream()));
        device_.synchronise();
        return host;
    }

    std::int64_t vocab_, contexts_, stride_, tiles_;
    DeviceArray<Logit> logits_;
    DeviceArray<typename A::Operand> exponentials_;
    DeviceArray<Logit> log2_anchors_;
    DeviceArray<double> sums_;
};

// Logits and exponentials of one context.
template <class A>
constexpr std::int64_t element_bytes = static_cast<std::int64_t>(sizeof(typename A::Logit) +
                                                                 A::terms * sizeof(typename A::Operand));

}  // namespace

std::unique_ptr<DeviceWork> make_copy(std::int64_t bytes) {
    return std::make_unique<Copy>(bytes);
}

std::unique_ptr<DeviceWork> make_gemm(Precision precision, std::int64_t n) {
    return with_arithmetic(precision, [&]<Precision p>(Arithmetic<p>) -> std::unique_ptr<DeviceWork> {
        return std::make_unique<Gemm<Arithmetic<p>>>(n);
    });
}

ProductSizes loss_step_products(Precision precision, std::int64_t vocab, std::int64_t contexts,
                                std::int64_t dim) {
    const device::Device gpu(0);
    const auto [chunk, group] = anchored_xent::choose_chunking_cuda(
        {vocab, contexts, dim, 0, 0, false, precision}, gpu.machine(), gpu.memory(), 0, 0);
    return {chunk, group};
}

std::unique_ptr<DeviceWork> make_three_products(Precision precision, std::int64_t vocab,
                                                std::int64_t contexts, std::int64_t dim,
                                                const ProductSizes& sizes) {
    return with_arithmetic(precision, [&]<Precision p>(Arithmetic<p>) -> std::unique_ptr<DeviceWork> {
        return std::make_unique<ThreeProducts<Arithmetic<p>>>(vocab, contexts, dim, sizes);
    });
}

std::unique_ptr<DeviceWork> make_streaming_pass(Precision precision, std::int64_t vocab,
                                                std::int64_t contexts) {
    return with_arithmetic(precision, [&]<Precision p>(Arithmetic<p>) -> std::unique_ptr<DeviceWork> {
        return std::make_unique<StreamingPass<Arithmetic<p>>>(vocab, contexts);
    });
}

std::int64_t operand_bytes(Precision precision) {
    return with_arithmetic(precision, []<class A>(A) {
        return copies<A> * static_cast<std::int64_t>(sizeof(typename A::Operand));
    });
}

std::int64_t streaming_bytes(Precision precision, std::int64_t vocab, std::int64_t contexts) {
    return with_arithmetic(precision, [&]<Precision p>(Arithmetic<p>) {
        return contexts * round_up(vocab, 128) * element_bytes<Arithmetic<p>>;
    });
}

}  // namespace ntpgeo::bench
