#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <port.cuh>
#include <thread>
#include <utility>

#include "kernels/device/device.cuh"
#include "kernels/device/recorded_work.cuh"
#include "kernels/device/runtime.cuh"
#include "kernels/replay/replay.hpp"

namespace ntpgeo {
namespace {

/// How many pieces of work may be in a stream's queue. Asks, and never waits for, the events behind them.
class Pace {
  public:
    /// Comes back when there is room for one more.
    void make_room() {
        look();
        while (queued_ >= allowed_) {
            std::this_thread::sleep_for(std::chrono::microseconds(50));
            look();
        }
    }
    void note_queued(cudaStream_t stream) {
        if (queued_ == 0) last_seen_ = Clock::now();
        ended_[(first_ + queued_) % most].record(stream);
        ++queued_;
    }

  private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::size_t most = 64;
    static constexpr double most_seconds = 0.5;

    // Forgets what has ended, and learns from it how long one takes.
    void look() {
        std::size_t ended = 0;
        while (ended < queued_ && ended_[(first_ + ended) % most].reached()) ++ended;
        if (ended == 0) return;
        const auto now = Clock::now();
        const double seconds = std::chrono::duration<double>(now - last_seen_).count();
        last_seen_ = now;
        first_ = (first_ + ended) % most;
        queued_ -= ended;
        // Twice as many at most, so that one glance that came late does not open the queue.
        const double affordable = most_seconds / std::max(seconds / static_cast<double>(ended), 1e-6);
        allowed_ = static_cast<std::size_t>(
            std::clamp(affordable, 1.0, static_cast<double>(std::min(2 * allowed_, most))));
    }

    std::array<device::Event, most> ended_;
    std::size_t first_ = 0, queued_ = 0, allowed_ = 2;
    Clock::time_point last_seen_;
};

class CudaReplay final : public Replay {
  public:
    CudaReplay(device::Device& device, std::function<void()> work)
        : device_(device), work_(std::move(work)) {}
    CudaReplay(const CudaReplay&) = delete;
    CudaReplay& operator=(const CudaReplay&) = delete;
    // What is queued may use memory that its owner is about to release.
    ~CudaReplay() override { static_cast<void>(cudaStreamSynchronize(device_.stream())); }

    void run() override {
        pace_.make_room();
        recorded_.run(device_.stream(), work_);
        pace_.note_queued(device_.stream());
    }
    void finish() override { device_.synchronise(); }
    [[nodiscard]] bool runs_ahead() const override { return true; }

  private:
    device::Device& device_;
    std::function<void()> work_;
    device::RecordedWork recorded_;
    Pace pace_;
};

}  // namespace

std::unique_ptr<Replay> CudaReplays::make_replay(std::function<void()> work) {
    return std::make_unique<CudaReplay>(device_, std::move(work));
}

}  // namespace ntpgeo
