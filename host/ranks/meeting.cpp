#include "host/ranks/meeting.hpp"

#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <thread>

#include "host/files/atomic_file.hpp"
#include "host/files/file_error.hpp"
#include "kernels/team/team.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;

/// What follows the start's name in a file; none where it is not there, or another's.
std::optional<std::string> told(const fs::path& file, const std::string& start) {
    std::ifstream stream(file, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(stream)), {});
    if (!text.starts_with(start)) return std::nullopt;
    return text.substr(start.size());
}

}  // namespace

Meeting::Meeting(const fs::path& output, const Launch& launch, const std::string& id, double deadline)
    : file_(output.native() + ".ranks"), id_(id), is_mine_(launch.rank == 0) {
    const std::string start = fmt::format("ntpgeo {} of {}\n", launch.job, launch.size);
    if (is_mine_) {
        if (file_.has_parent_path()) fs::create_directories(file_.parent_path());  // as the run's folder will
        write_file_atomically(file_, start + id);
        return;
    }
    const auto begin = std::chrono::steady_clock::now();
    for (;;) {
        if (const auto found = told(file_, start)) {
            id_ = *found;
            return;
        }
        if (std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() > deadline)
            throw TeamFailure(fmt::format(
                "rank {} of {} has waited {:.0f} s for {}, which rank 0 is to write: it has stopped, or "
                "sees another folder",
                launch.rank, launch.size, deadline, printable(file_)));
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

Meeting::~Meeting() {
    std::error_code ignored;
    if (is_mine_) fs::remove(file_, ignored);
}

}  // namespace ntpgeo
