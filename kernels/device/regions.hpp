// Parts of a run by name, as a profiler of the device shows them: ranges of the host's thread, and what is
// asked of the device in them. They cost nothing that can be measured where no profiler listens, and nothing
// at all on the CPU.
#pragma once

namespace ntpgeo {

enum class Region {
    step,         ///< an update of the parameters
    group,        ///< of a loss step: contexts whose exponentials meet in one gradient product
    product,      ///< of a loss step: one of its three
    stream,       ///< of a loss step: the pass from logits to exponentials
    iteration,    ///< of limit or of path
    certificate,  ///< of an iteration, or of a training's state
    record,       ///< the figures of a line of metrics.jsonl
    checkpoint    ///< the state's way down from the device
};

constexpr const char* name_of(Region region) {
    switch (region) {
        case Region::step:
            return "step";
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
    }
    return "";
}

/// Where a backend's profiler is told of regions. They nest, and are of the calling thread.
class Regions {
  public:
    virtual ~Regions() = default;

    virtual void enter(Region region) = 0;
    /// The one that was entered last.
    virtual void leave() noexcept = 0;
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

/// Nobody listens.
class CpuRegions : public virtual Regions {
  public:
    void enter(Region) override {}
    void leave() noexcept override {}
};

/// NVTX ranges.
class CudaRegions : public virtual Regions {
  public:
    void enter(Region region) override;
    void leave() noexcept override;
};

}  // namespace ntpgeo
