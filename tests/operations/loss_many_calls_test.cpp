// Loss calls that come many at a time: each has the bits that it has alone, whoever makes it.
#include <string>
#include <vector>

#include "kernels/cpu/team.hpp"
#include "tests/operations/loss_caller_fixture.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t vocab = 700, dim = 19;  // two parts of words, and worth a team

/// One of the calls, with its labels and matrices in the backend's memory.
class OneOfMany {
  public:
    OneOfMany(Backend& backend, const Dataset& data, std::uint64_t seed, Real words_gradient)
        : backend_(backend),
          contexts_(data.contexts()),
          indptr_(upload_array(backend, data.indptr)),
          indices_(upload_array(backend, data.indices)),
          probs_(upload_array(backend, data.probs)),
          weights_(upload_array(backend, data.context_probs)),
          hidden_(upload_array(backend, random_values(contexts_ * dim, 1, seed))),
          dw_(backend, vocab * dim * bytes_of(words_gradient)),
          dh_(backend, contexts_ * dim * 8),
          sums_(backend, 16),
          words_gradient_(words_gradient) {
        call.labels = {
            contexts_,           data.nnz(), indptr_.as<std::int64_t>(), indices_.as<std::int32_t>(),
            probs_.as<double>(), nullptr,    weights_.as<double>()};
        call.contexts = stored(hidden_.matrix(Real::fp64, contexts_, dim));
        call.words_gradient = stored(dw_.matrix(words_gradient, vocab, dim));
        call.contexts_gradient = stored(dh_.matrix(Real::fp64, contexts_, dim));
        call.sums = sums_.as<double>();
    }

    /// dW, dH and both sums, as they are now.
    [[nodiscard]] std::vector<double> results() const {
        const Array wide(backend_, vocab * dim * 8);
        backend_.copy(dw_.vector(words_gradient_, vocab * dim), wide.vector(Real::fp64, vocab * dim));
        std::vector<double> all = download_array<double>(backend_, wide.data(), vocab * dim);
        for (const auto& [from, size] :
             {std::pair(dh_.data(), contexts_ * dim), std::pair(sums_.data(), 2L)}) {
            const std::vector<double> more = download_array<double>(backend_, from, size);
            all.insert(all.end(), more.begin(), more.end());
        }
        return all;
    }

    LossCall call;

  private:
    Backend& backend_;
    std::int64_t contexts_;
    Array indptr_, indices_, probs_, weights_, hidden_, dw_, dh_, sums_;
    Real words_gradient_;
};

class ManyLossCalls : public LossCaller {
  protected:
    void TearDown() override {
        set_team(threads_);
        LossCaller::TearDown();
    }

    const int threads_ = team_size();
};

TEST_F(ManyLossCalls, HaveTheBitsOfEachAlone) {
    const std::vector<std::int64_t> sizes{26, 31, 17, 26, 30, 1, 28, 31};
    const Array words = upload_array(backend(), random(vocab * dim));
    for (const Precision precision : {Precision::fp64, Precision::fp32, Precision::bf16}) {
        if (!backend().supports(precision)) continue;
        LossCallPlan plan{vocab, dim, 31, 200, precision};
        plan.many = true;
        const auto calls = backend().plan_loss_calls(plan);
        const auto results = [&](Real words_gradient, const auto& make) {
            std::vector<OneOfMany> all;
            std::vector<LossCall> asked;
            for (std::size_t k = 0; k < sizes.size(); ++k) {
                all.emplace_back(backend(), labels(vocab, sizes[k], k), seed() + k, words_gradient);
                asked.push_back(all.back().call);
                asked.back().words = stored(words.matrix(Real::fp64, vocab, dim));
            }
            make(asked);
            std::vector<std::vector<double>> found;
            for (const OneOfMany& one : all) found.push_back(one.results());
            return found;
        };
        const auto alone = results(Real::fp64, [&](const std::vector<LossCall>& asked) {
            for (const LossCall& one : asked) {
                const Array memory(backend(), calls->workspace_bytes(one));
                calls->enqueue(one, {memory.data(), memory.bytes()}, stream());
            }
        });
        for (const int threads : on_cpu() ? std::vector{1, 2, 3, 8, 12} : std::vector{1}) {
            set_team(threads);
            const auto many = [&](const std::vector<LossCall>& asked) {
                const Array memory(backend(),
                                   calls->workspace_bytes_of_many(asked.front(), std::ssize(asked)));
                calls->enqueue_many(asked, {memory.data(), memory.bytes()}, stream());
                calls->enqueue_many({}, {memory.data(), memory.bytes()}, stream());
            };
            for (const Real real : {Real::fp64, calls->words_gradient_real(Real::fp64)}) {
                const auto found = results(real, many);
                for (std::size_t k = 0; k < found.size(); ++k)
                    EXPECT_TRUE(
                        same_bits(found[k], alone[k],
                                  "call " + std::to_string(k) + ", threads " + std::to_string(threads)));
            }
        }
    }
}

}  // namespace
}  // namespace ntpgeo
