// A training framework's program on the emulated device: two streams that it owns, two workspaces, labels
// that change with every call, nothing waited for in between. Under every seed and order of what is late,
// each call's results are the reference's.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/data/labels.hpp"
#include "kernels/backend.hpp"
#include "kernels/base/status.hpp"
#include "kernels/device/device.cuh"
#include "tests/caller_fixture.hpp"
#include "tests/child_environment.hpp"
#include "tests/emulated_device/counts.hpp"

namespace ntpgeo {
namespace {

using emulated_device::Counts;

/// One call's own memory on the device, filled and read on its stream.
class OnDevice {
  public:
    OnDevice(Batch batch, double ridge, double upstream)
        : batch_(std::move(batch)), factors_{ridge, upstream}, outputs_(2 + 2 * batch_.data.contexts()) {}

    void upload(cudaStream_t stream) {
        const Dataset& data = batch_.data;
        indptr_ = copy(data.indptr, stream);
        indices_ = copy(data.indices, stream);
        probs_ = copy(data.probs, stream);
        weights_ = copy(data.context_probs, stream);
        words_ = copy(batch_.words.bytes, stream);
        contexts_ = copy(batch_.contexts.bytes, stream);
        words_gradient_ = copy(batch_.words_gradient.bytes, stream);
        contexts_gradient_ = copy(batch_.contexts_gradient.bytes, stream);
        factor_ = copy(factors_, stream);
    }
    [[nodiscard]] LossCall call() const {
        const std::int64_t contexts = batch_.data.contexts();
        LossCall call;
        call.labels = {contexts,      batch_.data.nnz(), indptr_.data(), indices_.data(),
                       probs_.data(), nullptr,           weights_.data()};
        call.words = batch_.words.at(words_.data());
        call.contexts = batch_.contexts.at(contexts_.data());
        call.words_gradient = batch_.words_gradient.at(words_gradient_.data());
        call.contexts_gradient = batch_.contexts_gradient.at(contexts_gradient_.data());
        call.ridge = factor_.data();
        call.upstream = factor_.data() + 1;
        call.sums = outputs_.data();
        call.excess = outputs_.data() + 2;
        call.missing_mass = outputs_.data() + 2 + contexts;
        return call;
    }
    void expect(double tolerance) {
        NTPGEO_CHECK(cudaDeviceSynchronize());
        const std::int64_t contexts = batch_.data.contexts();
        const CallResult expected = expected_of(batch_, factors_[0], factors_[1]);
        read(words_gradient_, batch_.words_gradient.bytes);
        read(contexts_gradient_, batch_.contexts_gradient.bytes);
        batch_.words_gradient.expect_nothing_between();
        batch_.contexts_gradient.expect_nothing_between();
        std::vector<double> out(static_cast<std::size_t>(outputs_.size()));
        read(outputs_, out);
        const CallResult actual{{out.begin(), out.begin() + 2},
                                {out.begin() + 2, out.begin() + 2 + contexts},
                                {out.begin() + 2 + contexts, out.end()},
                                batch_.words_gradient.values(),
                                batch_.contexts_gradient.values()};
        expect_result(batch_, actual, expected, tolerance);
    }

  private:
    template <class T>
    static device::DeviceArray<T> copy(const std::vector<T>& from, cudaStream_t stream) {
        device::DeviceArray<T> array(static_cast<std::int64_t>(from.size()));
        NTPGEO_CHECK(cudaMemcpyAsync(array.data(), from.data(), from.size() * sizeof(T),
                                     cudaMemcpyHostToDevice, stream));
        return array;
    }
    template <class T>
    static void read(const device::DeviceArray<T>& from, std::vector<T>& to) {
        NTPGEO_CHECK(cudaMemcpy(to.data(), from.data(), to.size() * sizeof(T), cudaMemcpyDeviceToHost));
    }

    Batch batch_;
    std::vector<double> factors_;
    device::DeviceArray<std::int64_t> indptr_;
    device::DeviceArray<std::int32_t> indices_;
    device::DeviceArray<double> probs_, weights_, factor_, outputs_;
    device::DeviceArray<unsigned char> words_, contexts_, words_gradient_, contexts_gradient_;
};

class CudaCaller : public testing::Test {
  protected:
    struct Way {
        Precision precision;
        LossKernel kernel;
        double tolerance;
    };
    static constexpr Way ways[] = {{Precision::fp64, LossKernel::plain, 1e-12},
                                   {Precision::bf16, LossKernel::plain, 2e-2},
                                   {Precision::bf16, LossKernel::epilogue, 2e-2}};
    static constexpr std::int64_t vocab = 140, dim = 8, most_contexts = 48, most_nnz = 300;

    [[nodiscard]] std::unique_ptr<LossCalls> plan(const Way& way) const {
        return backend_->plan_loss_calls(
            {vocab, dim, most_contexts, most_nnz, way.precision, way.kernel, 16, 32});
    }
    /// Of other labels and sizes with every `number`.
    static OnDevice batch(std::uint64_t number) {
        const std::int64_t contexts = most_contexts - static_cast<std::int64_t>(number * 7 % 40);
        const auto storage = [](std::uint64_t k) { return static_cast<Storage>(k % 4); };
        return {Batch(random_dataset(vocab, contexts, std::min<std::int64_t>(contexts, 9), 1, 6, 50 + number),
                      dim,
                      {storage(number), storage(number + 1), Storage::fp32, storage(number + 2),
                       static_cast<std::int64_t>(number % 3)},
                      60 + number),
                0.1 * static_cast<double>(number % 3), 1 + static_cast<double>(number % 2)};
    }
    static CallMemory memory(const device::DeviceArray<unsigned char>& array) {
        return {array.data(), array.size()};
    }

    device::Stream first_, second_;
    std::unique_ptr<Backend> backend_ = make_cuda_backend_on(0, first_.get());
};

TEST_F(CudaCaller, OnTwoStreamsWithLabelsThatChangeGetsTheReferencesResults) {
    for (const Way& way : ways) {
        SCOPED_TRACE(testing::Message() << static_cast<int>(way.precision) << static_cast<int>(way.kernel));
        const auto calls = plan(way);
        const device::DeviceArray<unsigned char> mine(calls->workspace_bytes()),
            other(calls->workspace_bytes());
        std::deque<OnDevice> batches;
        for (std::uint64_t number = 0; number < 6; ++number) {
            const bool even = number % 2 == 0;
            const cudaStream_t stream = even ? first_.get() : second_.get();
            batches.push_back(batch(number));
            batches.back().upload(stream);
            calls->enqueue(batches.back().call(), memory(even ? mine : other), stream);
        }
        for (OnDevice& one : batches) one.expect(way.tolerance);
    }
}

TEST_F(CudaCaller, WaitsForNothingAllocatesNothingAndReadsNothingBack) {
    for (const Way& way : ways) {
        const auto calls = plan(way);
        const device::DeviceArray<unsigned char> mine(calls->workspace_bytes());
        OnDevice one = batch(1);
        one.upload(first_.get());
        emulated_device::reset_counts();
        calls->enqueue(one.call(), memory(mine), first_.get());
        const Counts counts = emulated_device::counts();
        EXPECT_EQ(counts.synchronisations, 0);
        EXPECT_EQ(counts.allocations, 0);
        EXPECT_EQ(counts.frees, 0);
        EXPECT_EQ(counts.recordings, 0);
        EXPECT_EQ(counts.graph_launches, 0);
        EXPECT_EQ(counts.direct.copies_up + counts.direct.copies_down, 0);
        EXPECT_GT(counts.direct.all_launches(), 0);
        one.expect(way.tolerance);
    }
}

TEST_F(CudaCaller, PlansWithoutAllocating) {
    emulated_device::reset_counts();
    for (const Way& way : ways) EXPECT_GT(plan(way)->workspace_bytes(), 0);
    const Counts counts = emulated_device::counts();
    EXPECT_EQ(counts.allocations, 0);
    EXPECT_EQ(counts.synchronisations, 0);
    EXPECT_EQ(counts.direct.all_launches(), 0);
}

TEST_F(CudaCaller, FindsThatALossStepIsMadeWithoutALookAtItsLabelsToo) {
    for (const Way& way : ways) {
        const Labels labels(*backend_, random_dataset(vocab, 40, 9, 1, 6, 1));
        NTPGEO_CHECK(cudaDeviceSynchronize());
        emulated_device::reset_counts();
        const auto step =
            backend_->make_loss_step(labels.view(), {dim, Real::fp64, way.precision, 0, 0, way.kernel});
        const Counts counts = emulated_device::counts();
        EXPECT_EQ(counts.synchronisations, 0);
        EXPECT_EQ(counts.direct.copies_down, 0);
        EXPECT_GT(counts.allocations, 0);
    }
}

TEST_F(CudaCaller, MayCaptureACallIntoAGraphOfItsOwn) {
    for (const Way& way : ways) {
        const auto calls = plan(way);
        const device::DeviceArray<unsigned char> mine(calls->workspace_bytes());
        OnDevice one = batch(2);
        one.upload(second_.get());
        const auto queue = [&] { calls->enqueue(one.call(), memory(mine), second_.get()); };
        const device::Graph graph(second_.get(), queue);
        for (int k = 0; k < 2; ++k) graph.launch(second_.get());
        one.expect(way.tolerance);
    }
}

TEST_F(CudaCaller, IsRefusedAWorkspaceOneByteShortBeforeAnythingIsQueued) {
    const auto calls = plan(ways[0]);
    const device::DeviceArray<unsigned char> mine(calls->workspace_bytes());
    OnDevice one = batch(3);
    one.upload(first_.get());
    NTPGEO_CHECK(cudaDeviceSynchronize());
    emulated_device::reset_counts();
    try {
        calls->enqueue(one.call(), {mine.data(), mine.size() - 1}, first_.get());
        FAIL() << "a byte is missing";
    } catch (const InputError& error) {
        EXPECT_NE(std::string(error.what()).find("the plan needs " + std::to_string(mine.size())),
                  std::string::npos)
            << error.what();
    }
    const Counts counts = emulated_device::counts();
    EXPECT_EQ(counts.direct.all_launches() + counts.direct.all_calls(), 0);
}

TEST_F(CudaCaller, FindsTheLibraryWhereItWas) {
    // After a call elsewhere the device's own products are on its own stream again.
    device::Device gpu(0);
    const device::DeviceArray<unsigned char> elsewhere(gpu.cublas_workspace_bytes());
    { const device::CublasElsewhere library(gpu, second_.get(), elsewhere.data()); }
    NTPGEO_CHECK(cudaDeviceSynchronize());
    cudaStream_t stream = nullptr;
    NTPGEO_CHECK(cublasGetStream(gpu.cublas(), &stream));
    EXPECT_EQ(stream, gpu.stream());
}

/// A caller that has selected another GPU than the one that it lends.
[[noreturn]] void call_from_another_gpu() {
    NTPGEO_CHECK(cudaSetDevice(1));
    int selected = -1;
    const auto expect_the_other = [&selected](const char* after) {
        NTPGEO_CHECK(cudaGetDevice(&selected));
        if (selected != 1) finish(0, std::string("another GPU is selected after ") + after);
    };
    const device::Stream stream;
    const auto backend = make_cuda_backend_on(0, stream.get());
    expect_the_other("the backend was made");
    const auto calls = backend->plan_loss_calls({20, 4, 10, 60, Precision::fp32});
    expect_the_other("the plan");
    OnDevice one(Batch(random_dataset(20, 10, 5, 1, 4, 1), 4, {}, 2), 0, 1);
    one.upload(stream.get());
    const device::DeviceArray<unsigned char> memory(calls->workspace_bytes());
    calls->enqueue(one.call(), {memory.data(), memory.size()}, stream.get());
    expect_the_other("the call");
    one.expect(1e-5);
    finish(testing::Test::HasFailure() ? 0 : 7, "");
}

TEST(CudaCallerDeathTest, FindsItsOwnGpuSelected) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const Variable devices("EMULATED_DEVICE_COUNT", "2");
    EXPECT_EXIT(call_from_another_gpu(), testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace ntpgeo
