#include <utility>

#include "kernels/replay/replay.hpp"

namespace ntpgeo {
namespace {

class CpuReplay final : public Replay {
  public:
    explicit CpuReplay(std::function<void()> work) : work_(std::move(work)) {}
    void run() override { work_(); }
    void finish() override {}
    [[nodiscard]] bool runs_ahead() const override { return false; }

  private:
    std::function<void()> work_;
};

}  // namespace

std::unique_ptr<Replay> CpuReplays::make_replay(std::function<void()> work) {
    return std::make_unique<CpuReplay>(std::move(work));
}

}  // namespace ntpgeo
