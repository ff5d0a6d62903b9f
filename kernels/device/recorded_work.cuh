// Work that is queued again and again.
#pragma once

#include "kernels/device/range.cuh"
#include "kernels/device/runtime.cuh"

namespace ntpgeo::device {

/// The first time the work is queued as it is (libraries load code then, which a recording forbids), the
/// second time it is recorded, and from then on a time is one graph launch; while regions are measured it is
/// queued as it is.
class RecordedWork {
  public:
    /// `work` queues the same on `stream` every time.
    template <class Work>
    void run(cudaStream_t stream, const Work& work) {
        if (!ran_ || is_measured()) {
            work();
            ran_ = true;
            return;
        }
        if (graph_.empty()) graph_ = Graph(stream, work);
        graph_.launch(stream);
    }

  private:
    bool ran_ = false;
    Graph graph_;
};

}  // namespace ntpgeo::device
