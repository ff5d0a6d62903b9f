// A framework's program through the C library on the emulated device: labels of a teacher's top-k, tensors of
// the program's own, two streams that it owns, nothing waited for in between. What the host must not touch it
// cannot; under every seed and order of what is late the results are those of the CPU's call.
#include <cuda_runtime.h>
#include <gtest/gtest.h>
#include <ntpgeo.h>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "kernels/device/device.cuh"
#include "tests/cuda/emulated/topk_batch.hpp"
#include "tests/emulated_device/counts.hpp"

namespace ntpgeo {
namespace {

using emulated_device::Counts;

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
        const TopKBatch expected = batch_.on_cpu();
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

    TopKBatch batch_;
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
        TopKBatch largest(0);
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
