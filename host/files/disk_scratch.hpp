// Scratch on disk that is gone with its process, whatever ends that.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "kernels/counting/scratch.hpp"

namespace ntpgeo {

/// Files in `folder` that have no name. Where a file system has no such files (Linux's O_TMPFILE) they have a
/// temporary one until they are open; what a kill leaves in that moment the next AtomicFile there sweeps
/// away.
class DiskScratch : public Scratch {
  public:
    explicit DiskScratch(std::filesystem::path folder) : folder_(std::move(folder)) {}

    /// Throws InputError or Failure where the folder takes none.
    std::unique_ptr<ScratchFile> make() override;
    void require(std::int64_t bytes) const override;

  private:
    std::filesystem::path folder_;
};

}  // namespace ntpgeo
