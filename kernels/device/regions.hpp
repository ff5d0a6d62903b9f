// Parts of a run by name, as a profiler of the device shows them: ranges of the host's thread, and what is
// asked of the device in them. Where neither a profiler listens nor anybody measures they cost nothing that
// can be measured.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace ntpgeo {
namespace device {
class Device;
class RegionTimer;
}  // namespace device

enum class Region {
    step,         ///< an update of the parameters
    loss,         ///< the loss step of an update, or of a trial of its line search
    update,       ///< what moves the parameters once their gradient is there; of first-order optimizers
    group,        ///< of a loss step: contexts whose exponentials meet in one gradient product
    product,      ///< of a loss step: one of its three
    stream,       ///< of a loss step: the pass from logits to exponentials
    iteration,    ///< of limit or of path
    certificate,  ///< of an iteration, or of a training's state
    record,       ///< the figures of a line of metrics.jsonl
    checkpoint,   ///< the state's way down from the device
    ranks         ///< of a loss step: what ranks send each other, and its sums
};
inline constexpr std::size_t region_count = 11;

constexpr const char* name_of(Region region) {
    switch (region) {
        case Region::step:
            return "step";
        case Region::loss:
            return "loss step";
        case Region::update:
            return "update";
        case Region::group:
            return "group";
        case Region::product:
            return "product";
        case Region::stream:
            return "stream pass";
        case Region::iteration:
            return "iteration";
        case Region::certificate:
            return "certificate";
        case Region::record:
            return "record";
        case Region::checkpoint:
            return "checkpoint";
        case Region::ranks:
            return "ranks";
    }
    return "";
}

/// What was spent in all regions of one kind, what lies within them included.
struct RegionTime {
    std::int64_t calls = 0;
    double seconds = 0;
};

/// Where a backend's profiler is told of regions. They nest, and are of the calling thread.
class Regions {
  public:
    virtual ~Regions() = default;

    virtual void enter(Region region) = 0;
    /// The one that was entered last.
    virtual void leave() noexcept = 0;

    /// Whether from here on it is measured what regions take, outside of all of them. What was measured
    /// before is forgotten. No bits depend on it.
    virtual void measure(bool on) = 0;
    /// What was measured, by the regions' numbers; all 0 where nothing is. Outside of all regions. Waits.
    [[nodiscard]] virtual std::vector<RegionTime> measured() = 0;
};

/// The region as long as this lives.
class InRegion {
  public:
    InRegion(Regions& regions, Region region) : regions_(regions) { regions.enter(region); }
    InRegion(const InRegion&) = delete;
    InRegion& operator=(const InRegion&) = delete;
    ~InRegion() { regions_.leave(); }

  private:
    Regions& regions_;
};

/// Measured by the clock: of regions in a loop that threads share, their time over the number of threads.
class CpuRegions : public virtual Regions {
  public:
    CpuRegions();
    ~CpuRegions() override;
    void enter(Region region) override;
    void leave() noexcept override;
    void measure(bool on) override;
    [[nodiscard]] std::vector<RegionTime> measured() override;

  private:
    struct Times;
    std::unique_ptr<Times> times_;  // where it is measured
};

/// NVTX ranges. Measured by events on the device's stream; work that would be a graph's launch is then queued
/// piece by piece.
class CudaRegions : public virtual Regions {
  public:
    explicit CudaRegions(device::Device& device);
    ~CudaRegions() override;
    void enter(Region region) override;
    void leave() noexcept override;
    void measure(bool on) override;
    [[nodiscard]] std::vector<RegionTime> measured() override;

  private:
    device::Device& device_;
    std::unique_ptr<device::RegionTimer> timer_;  // where it is measured
};

}  // namespace ntpgeo
