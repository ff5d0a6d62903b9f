// A framework's program through the C library on the emulated device: labels of a teacher's top-k, tensors of
// the program's own, two streams that it owns, nothing waited for in between. What the host must not touch it
// cannot; under every seed and order of what is late the results are those of the CPU's call.
#include <cuda_runtime.h>
#include <gtest/gtest.h>
#include <ntpgeo.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kernels/device/device.cuh"
#include "tests/caller_fixture.hpp"
#include "tests/emulated_device/counts.hpp"

namespace ntpgeo {
namespace {

using emulated_device::Counts;

constexpr std::int64_t vocab = 90, dim = 8, most_contexts = 30, k = 6;

struct FreeLoss {
    void operator()(ntpgeo_loss* loss) const { ntpgeo_loss_free(loss); }
};
using LossHandle = std::unique_ptr<ntpgeo_loss, FreeLoss>;

LossHandle loss_on(const char* device, const char* precision) {
    const ntpgeo_loss_sizes sizes = {sizeof sizes, vocab, dim, most_contexts, most_contexts * k, 1};
    ntpgeo_loss* loss = nullptr;
    EXPECT_EQ(ntpgeo_loss_new(device, precision, &sizes, &loss), NTPGEO_OK) << ntpgeo_last_error();
    return LossHandle(loss);
}

LossHandle loss_on_gpu(const char* precision) {
    LossHandle loss = loss_on("cuda:0", precision);
    // A GPU that is new is probed on the default stream, and memory is freed when nothing is under way.
    NTPGEO_CHECK(cudaDeviceSynchronize());
    return loss;
}

/// Where the arrays of a call lie.
struct Places {
    std::int64_t* indptr;
    std::int32_t* indices;
    double *probs, *tails, *weights, *upstream, *out;
    void *words, *hidden, *bias, *words_gradient, *hidden_gradient, *bias_gradient;
};

/// A batch with something of everything that a call may have: which, its number says.
class TopK {
  public:
    explicit TopK(std::uint64_t number)
        : number_(number),
          contexts_(most_contexts - static_cast<std::int64_t>(number * 7 % 20)),
          out(static_cast<std::size_t>(2 + 2 * contexts_)),
          upstream{1 + 0.5 * static_cast<double>(number % 3)},
          weights(random_values(contexts_, 1, 10 + number)),
          words(tensor(0, vocab, dim, 20)),
          hidden(tensor(1, contexts_, dim, 30)),
          bias(Storage::fp32, vocab, 1, 1, random_values(vocab, 0.3, 40 + number)),
          words_gradient(Storage::fp32, vocab, dim, dim, std::vector<double>(vocab * dim, 0.25)),
          hidden_gradient(nothing(2, contexts_, dim)),
          bias_gradient(nothing(3, vocab, 1)) {
        for (double& weight : weights) weight = std::abs(weight);
        make_labels();
    }

    /// Entries are those that there is room for: how many there are only indptr says.
    [[nodiscard]] ntpgeo_loss_call call(const Places& at, bool entries_known) const {
        ntpgeo_loss_call call = {};
        call.size = sizeof call;
        call.contexts = contexts_;
        call.entries = entries_known ? indptr.back() : contexts_ * k;
        call.indptr = at.indptr;
        call.indices = at.indices;
        call.probs = at.probs;
        call.tails = has_tail() ? at.tails : nullptr;
        call.weights = at.weights;
        call.words = described(words, at.words);
        call.hidden = described(hidden, at.hidden);
        call.bias = described(bias, at.bias);
        call.words_gradient = described(words_gradient, at.words_gradient);
        call.hidden_gradient = described(hidden_gradient, at.hidden_gradient);
        call.bias_gradient = described(bias_gradient, at.bias_gradient);
        call.adds_to_words_gradient = number_ % 2 == 0;
        call.divergence = static_cast<int>(number_ % 3);
        call.beta = 0.3;
        call.upstream = at.upstream;
        call.sum = at.out;
        call.losses = at.out + 2;
        call.missing_mass = at.out + 2 + contexts_;
        return call;
    }

    /// Its own arrays.
    Places own() {
        return {indptr.data(),
                indices.data(),
                probs.data(),
                tails.data(),
                weights.data(),
                upstream.data(),
                out.data(),
                words.bytes.data(),
                hidden.bytes.data(),
                bias.bytes.data(),
                words_gradient.bytes.data(),
                hidden_gradient.bytes.data(),
                bias_gradient.bytes.data()};
    }
    /// What the CPU's call makes of it in double precision.
    [[nodiscard]] TopK on_cpu() const {
        TopK done = *this;
        const LossHandle loss = loss_on("cpu", "fp64");
        const ntpgeo_loss_call call = done.call(done.own(), true);
        std::int64_t bytes = 0;
        EXPECT_EQ(ntpgeo_loss_workspace(loss.get(), &call, &bytes), NTPGEO_OK) << ntpgeo_last_error();
        std::vector<std::max_align_t> room(static_cast<std::size_t>(bytes) / sizeof(std::max_align_t) + 16);
        void* memory = room.data();
        std::size_t space = room.size() * sizeof(std::max_align_t);
        std::align(256, static_cast<std::size_t>(bytes), memory, space);
        EXPECT_EQ(ntpgeo_loss_enqueue(loss.get(), &call, memory, bytes, nullptr), NTPGEO_OK)
            << ntpgeo_last_error();
        return done;
    }

    void expect_as(const TopK& expected, double tolerance) const {
        SCOPED_TRACE(testing::Message() << "batch " << number_);
        EXPECT_LT(worst_difference(out, expected.out), tolerance);
        for (const auto& [mine, others] : {std::pair{&words_gradient, &expected.words_gradient},
                                           std::pair{&hidden_gradient, &expected.hidden_gradient},
                                           std::pair{&bias_gradient, &expected.bias_gradient}}) {
            EXPECT_LT(worst_difference(mine->values(), others->values()),
                      tolerance + 2 * roundoff(mine->storage));
            mine->expect_nothing_between();
        }
    }

  private:
    [[nodiscard]] bool has_tail() const { return number_ % 3 != 0; }
    [[nodiscard]] Storage storage(std::uint64_t which) const {
        return static_cast<Storage>((number_ + which) % 4);
    }
    [[nodiscard]] HostMatrix tensor(std::uint64_t which, std::int64_t rows, std::int64_t columns,
                                    std::uint64_t seed) const {
        return {storage(which), rows, columns, columns + static_cast<std::int64_t>(number_ % 3),
                random_values(rows * columns, 0.7, seed + number_)};
    }
    [[nodiscard]] HostMatrix nothing(std::uint64_t which, std::int64_t rows, std::int64_t columns) const {
        return {storage(which), rows, columns, columns == 1 ? 1 : columns + 2,
                Batch::nothing(rows * columns)};
    }
    static ntpgeo_matrix described(const HostMatrix& matrix, void* data) {
        constexpr auto type = [](Storage storage) {
            switch (storage) {
                case Storage::bf16:
                    return NTPGEO_BFLOAT16;
                case Storage::fp16:
                    return NTPGEO_FLOAT16;
                case Storage::fp32:
                    return NTPGEO_FLOAT32;
                case Storage::fp64:
                    break;
            }
            return NTPGEO_FLOAT64;
        };
        return {data, type(matrix.storage), matrix.rows, matrix.columns, matrix.stride};
    }
    /// Of a top-k with duplicates and padding, one of whose rows has nothing.
    void make_labels() {
        std::mt19937_64 random(60 + number_);
        const auto size = static_cast<std::size_t>(contexts_ * k);
        std::vector<std::int64_t> ids(size);
        std::vector<float> given(size);
        for (std::size_t i = 0; i < size; ++i) {
            ids[i] = i < k ? -1 : static_cast<std::int64_t>(random() % (vocab + 8)) - 8;
            given[i] = 0.15F * static_cast<float>(1 + random() % 100) / 100;
        }
        ntpgeo_teacher teacher = {};
        teacher.size = sizeof teacher;
        teacher.vocab_size = vocab;
        teacher.contexts = contexts_;
        teacher.k = k;
        teacher.ids = ids.data();
        teacher.ids_type = NTPGEO_INT64;
        teacher.probs = given.data();
        teacher.probs_type = NTPGEO_FLOAT32;
        teacher.tail = has_tail() ? NTPGEO_TAIL_REST : NTPGEO_TAIL_NONE;
        teacher.check = 1;
        indptr.resize(static_cast<std::size_t>(contexts_ + 1));
        indices.resize(size);
        for (std::vector<double>* array : {&probs, &tails, &masses, &entropies}) array->resize(size);
        const ntpgeo_loss_rows rows = {sizeof rows,   indptr.data(), indices.data(),  probs.data(),
                                       masses.data(), tails.data(),  entropies.data()};
        ASSERT_EQ(ntpgeo_loss_labels(&teacher, &rows), NTPGEO_OK) << ntpgeo_last_error();
        for (std::size_t j = 0; j < weights.size(); ++j) weights[j] *= masses[j];
    }

    std::uint64_t number_;
    std::int64_t contexts_;
    std::vector<double> masses, entropies;

  public:
    std::vector<std::int64_t> indptr;
    std::vector<std::int32_t> indices;
    std::vector<double> probs, tails, out, upstream, weights;
    HostMatrix words, hidden, bias, words_gradient, hidden_gradient, bias_gradient;
};

/// A batch in the device's memory: copied there, called upon and copied back on one stream.
class QueuedTopK {
  public:
    QueuedTopK(std::uint64_t number, cudaStream_t stream)
        : batch_(number),
          stream_(stream),
          indptr_(up(batch_.indptr)),
          indices_(up(batch_.indices)),
          probs_(up(batch_.probs)),
          tails_(up(batch_.tails)),
          weights_(up(batch_.weights)),
          upstream_(up(batch_.upstream)),
          out_(static_cast<std::int64_t>(batch_.out.size())),
          words_(up(batch_.words.bytes)),
          hidden_(up(batch_.hidden.bytes)),
          bias_(up(batch_.bias.bytes)),
          words_gradient_(up(batch_.words_gradient.bytes)),
          hidden_gradient_(up(batch_.hidden_gradient.bytes)),
          bias_gradient_(up(batch_.bias_gradient.bytes)) {}

    [[nodiscard]] ntpgeo_loss_call call() const {
        return batch_.call({indptr_.data(), indices_.data(), probs_.data(), tails_.data(), weights_.data(),
                            upstream_.data(), out_.data(), words_.data(), hidden_.data(), bias_.data(),
                            words_gradient_.data(), hidden_gradient_.data(), bias_gradient_.data()},
                           false);
    }
    void enqueue(ntpgeo_loss* loss, const device::DeviceArray<unsigned char>& workspace) const {
        const ntpgeo_loss_call one = call();
        EXPECT_EQ(ntpgeo_loss_enqueue(loss, &one, workspace.data(), workspace.size(), stream_), NTPGEO_OK)
            << ntpgeo_last_error();
    }
    void expect_as_on_cpu(double tolerance) {
        const TopK expected = batch_.on_cpu();
        down(out_, batch_.out);
        down(words_gradient_, batch_.words_gradient.bytes);
        down(hidden_gradient_, batch_.hidden_gradient.bytes);
        down(bias_gradient_, batch_.bias_gradient.bytes);
        NTPGEO_CHECK(cudaStreamSynchronize(stream_));
        batch_.expect_as(expected, tolerance);
    }

  private:
    template <class T>
    device::DeviceArray<T> up(const std::vector<T>& from) const {
        device::DeviceArray<T> array(static_cast<std::int64_t>(from.size()));
        NTPGEO_CHECK(cudaMemcpyAsync(array.data(), from.data(), from.size() * sizeof(T),
                                     cudaMemcpyHostToDevice, stream_));
        return array;
    }
    template <class T>
    void down(const device::DeviceArray<T>& from, std::vector<T>& to) const {
        NTPGEO_CHECK(
            cudaMemcpyAsync(to.data(), from.data(), to.size() * sizeof(T), cudaMemcpyDeviceToHost, stream_));
    }

    TopK batch_;
    cudaStream_t stream_;
    device::DeviceArray<std::int64_t> indptr_;
    device::DeviceArray<std::int32_t> indices_;
    device::DeviceArray<double> probs_, tails_, weights_, upstream_, out_;
    device::DeviceArray<unsigned char> words_, hidden_, bias_, words_gradient_, hidden_gradient_,
        bias_gradient_;
};

class CudaLibraryCaller : public testing::Test {
  protected:
    struct Way {
        const char* precision;
        double tolerance;
    };
    static constexpr Way ways[] = {{"fp64", 1e-12}, {"fp32", 1e-5}, {"bf16", 3e-2}};

    /// Of the largest call, to the byte.
    device::DeviceArray<unsigned char> workspace(ntpgeo_loss* loss) {
        std::int64_t bytes = 0;
        TopK largest(0);
        const ntpgeo_loss_call call = largest.call(largest.own(), false);
        EXPECT_EQ(ntpgeo_loss_workspace(loss, &call, &bytes), NTPGEO_OK) << ntpgeo_last_error();
        return device::DeviceArray<unsigned char>(bytes);
    }

    device::Stream streams_[2];
};

TEST_F(CudaLibraryCaller, OnTwoStreamsGetsWhatTheCpuMakes) {
    for (const Way& way : ways) {
        SCOPED_TRACE(way.precision);
        const LossHandle losses[] = {loss_on_gpu(way.precision), loss_on_gpu(way.precision)};
        const device::DeviceArray<unsigned char> workspaces[] = {workspace(losses[0].get()),
                                                                 workspace(losses[1].get())};
        std::deque<QueuedTopK> batches;
        for (std::uint64_t number = 0; number < 6; ++number) {
            const std::size_t which = number % 2;
            batches.emplace_back(number, streams_[which].get());
            batches.back().enqueue(losses[which].get(), workspaces[which]);
        }
        for (QueuedTopK& batch : batches) batch.expect_as_on_cpu(way.tolerance);
    }
}

TEST_F(CudaLibraryCaller, WaitsForNothingAllocatesNothingAndReadsNothingBack) {
    const LossHandle loss = loss_on_gpu("fp32");
    const device::DeviceArray<unsigned char> memory = workspace(loss.get());
    QueuedTopK batch(1, streams_[0].get());
    emulated_device::reset_counts();
    batch.enqueue(loss.get(), memory);
    const Counts counts = emulated_device::counts();
    EXPECT_EQ(counts.synchronisations + counts.allocations + counts.frees, 0);
    EXPECT_EQ(counts.direct.copies_up + counts.direct.copies_down, 0);
    EXPECT_GT(counts.direct.all_launches(), 0);
    batch.expect_as_on_cpu(1e-5);
}

TEST_F(CudaLibraryCaller, IsRefusedAWorkspaceOneByteShortBeforeAnythingIsQueued) {
    const LossHandle loss = loss_on_gpu("fp64");
    const device::DeviceArray<unsigned char> memory = workspace(loss.get());
    QueuedTopK batch(0, streams_[0].get());
    const ntpgeo_loss_call call = batch.call();
    emulated_device::reset_counts();
    EXPECT_EQ(ntpgeo_loss_enqueue(loss.get(), &call, memory.data(), memory.size() - 1, streams_[0].get()),
              NTPGEO_INVALID);
    const std::string said = ntpgeo_last_error();
    EXPECT_NE(said.find("the plan needs " + std::to_string(memory.size())), std::string::npos) << said;
    const Counts counts = emulated_device::counts();
    EXPECT_EQ(counts.direct.all_launches() + counts.direct.all_calls(), 0);
    batch.enqueue(loss.get(), memory);  // and the handle is none the worse
    batch.expect_as_on_cpu(1e-12);
}

}  // namespace
}  // namespace ntpgeo
