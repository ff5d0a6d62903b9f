// Work that is made again and again: an optimizer's update, say, thousands of times.
#pragma once

#include <functional>
#include <memory>

namespace ntpgeo {
namespace device {
class Device;
}

/// Operations of one backend, always with the same memory and the same host numbers.
class Replay {
  public:
    virtual ~Replay() = default;

    /// Queues the work once more, and comes back while the queue is short.
    virtual void run() = 0;
    /// Comes back when all of it has been done.
    virtual void finish() = 0;
    /// Whether `run` may come back before the work has been done.
    [[nodiscard]] virtual bool runs_ahead() const = 0;
};

class Replays {
  public:
    virtual ~Replays() = default;
    /// `work` calls operations that neither wait nor allocate nor return a number; what it uses must outlive
    /// the replay.
    [[nodiscard]] virtual std::unique_ptr<Replay> make_replay(std::function<void()> work) = 0;
};

/// Calls it.
class CpuReplays : public virtual Replays {
  public:
    [[nodiscard]] std::unique_ptr<Replay> make_replay(std::function<void()> work) override;
};

/// A time is one graph launch, from the third on (device::RecordedWork). At most 64 of them are queued
/// ahead, and no more than take half a second, so that whoever asks for the end of it waits no longer.
class CudaReplays : public virtual Replays {
  public:
    explicit CudaReplays(device::Device& device) : device_(device) {}
    [[nodiscard]] std::unique_ptr<Replay> make_replay(std::function<void()> work) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
