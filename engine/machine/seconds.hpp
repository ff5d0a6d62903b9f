// How long something takes.
#pragma once

#include <chrono>

namespace ntpgeo {

/// Seconds since it was made.
class Stopwatch {
  public:
    [[nodiscard]] double elapsed() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Of a call.
template <class Work>
double seconds_of(const Work& work) {
    const Stopwatch watch;
    work();
    return watch.elapsed();
}

}  // namespace ntpgeo
