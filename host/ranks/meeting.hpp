// How ranks that nothing connects yet learn what they join by: the first one writes a file that the others
// wait for.
#pragma once

#include <filesystem>
#include <string>

#include "host/ranks/launch.hpp"

namespace ntpgeo {

/// What all ranks of a start are told. The first one's file goes with it.
class Meeting {
  public:
    /// Beside `output`, which all ranks see: the first writes `id`, the others wait for it, for `deadline`
    /// seconds at most. What another start has left there is not taken. Throws FileError or TeamFailure.
    Meeting(const std::filesystem::path& output, const Launch& launch, const std::string& id,
            double deadline);
    Meeting(const Meeting&) = delete;
    Meeting& operator=(const Meeting&) = delete;
    ~Meeting();

    [[nodiscard]] const std::string& id() const { return id_; }

  private:
    std::filesystem::path file_;
    std::string id_;
    bool is_mine_ = false;
};

}  // namespace ntpgeo
