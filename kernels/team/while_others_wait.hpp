// How ranks wait for each other, on a transport whose operations have a deadline.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "kernels/team/team.hpp"

namespace ntpgeo {

/// Seconds after which a rank says that it has waited in vain: one after the other, so that the first one's
/// word, which ends the job, is the only one, also on a busy machine.
inline double patience_of(int rank, double deadline) {
    return deadline + 0.75 * std::min(rank, 10);
}

/// What a rank says then, of the operation that it has waited in, its `number`th.
inline std::string waited_in_vain(const Team& team, double deadline, const char* operation,
                                  std::int64_t number) {
    return "rank " + std::to_string(team.rank()) + " of " + std::to_string(team.size()) + " has waited " +
           std::to_string(static_cast<int>(deadline)) + " s in " + operation + " (operation " +
           std::to_string(number) + "): another rank has stopped, or is at other work";
}

/// Team::at_first of rank `rank`, by say(number), an operation by which all learn the first one's number:
/// what it says while it is at work, from a thread beside it, is no exit status.
template <class Say>
int while_others_wait(int rank, double deadline, const std::function<int()>& work, const Say& say) {
    constexpr int still_at_work = 256;
    if (rank != 0) {
        int status = still_at_work;
        while (status == still_at_work) status = say(status);
        return status;
    }
    // That thread is the only one that calls the transport meanwhile.
    std::mutex mutex;
    std::condition_variable ended;
    bool done = false;
    std::exception_ptr lost;
    std::thread beside([&] {
        std::unique_lock lock(mutex);
        while (!ended.wait_for(lock, std::chrono::duration<double>(deadline / 8), [&] { return done; })) try {
                say(still_at_work);
            } catch (const TeamFailure&) {
                lost = std::current_exception();
                return;
            }
    });
    const int status = work();
    {
        const std::lock_guard lock(mutex);
        done = true;
    }
    ended.notify_one();
    beside.join();
    if (lost) std::rethrow_exception(lost);
    return say(status);
}

}  // namespace ntpgeo
