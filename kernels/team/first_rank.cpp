#include "kernels/team/first_rank.hpp"

#include <exception>

#include "kernels/base/status.hpp"

namespace ntpgeo {

std::vector<std::byte> on_first_rank(Team& team, Memory& memory, const void* own, std::int64_t row_bytes,
                                     std::span<const std::int64_t> offsets) {
    const auto rank = static_cast<std::size_t>(team.rank());
    const std::int64_t own_rows = offsets[rank + 1] - offsets[rank];
    std::vector<std::byte> mine(static_cast<std::size_t>(own_rows * row_bytes)), all;
    memory.download(own, mine.data(), std::ssize(mine));
    std::vector<std::int64_t> send_at(static_cast<std::size_t>(team.size()) + 1, own_rows),
        receive_at(send_at.size(), 0);
    send_at[0] = 0;  // all of it goes to the first rank
    if (team.is_first()) {
        receive_at.assign(offsets.begin(), offsets.end());
        all.resize(static_cast<std::size_t>(offsets.back() * row_bytes));
    }
    team.exchange(Where::host, row_bytes, mine.data(), send_at, all.data(), receive_at);
    return all;
}

int first_rank_does(Team& team, const std::function<void()>& work, const std::function<int()>& status) {
    std::exception_ptr error;
    const int ended = team.at_first([&] {
        try {
            work();
            return 0;
        } catch (...) {
            error = std::current_exception();
            return status();
        }
    });
    if (error) std::rethrow_exception(error);
    return ended;
}

void first_rank_does(Team& team, const std::function<void()>& work) {
    const int ended = first_rank_does(team, work, [] {
        try {
            throw;
        } catch (const InputError&) {
            return 2;
        } catch (...) {
            return 1;
        }
    });
    if (ended != 0) throw EndedElsewhere(ended);
}

}  // namespace ntpgeo
