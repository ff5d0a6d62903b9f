// A rank of a test: joins the launcher's MPI and does what its first argument says. Prints "ok" on the first
// rank.
#include <chrono>
#include <cstdio>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "kernels/team/team_module.hpp"
#include "kernels/team/team_sums.hpp"

namespace {

using namespace ntpgeo;

void sleep(double seconds) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

void require(bool holds, const std::string& what) {
    if (!holds) throw Failure("wrong: " + what);
}

/// Rows whose numbers say where they come from, of sizes among which is 0.
void exchange_rows(Team& team) {
    constexpr std::int64_t width = 3;
    const int ranks = team.size(), own = team.rank();
    const auto rows = [](int from, int to) { return std::int64_t{(from + 2 * to) % 4}; };
    std::vector<std::int64_t> send_at{0}, receive_at{0};
    std::vector<double> send;
    for (int k = 0; k < ranks; ++k) {
        send_at.push_back(send_at.back() + rows(own, k));
        receive_at.push_back(receive_at.back() + rows(k, own));
        for (std::int64_t i = 0; i < rows(own, k) * width; ++i) send.push_back(own * 100 + k * 10 + i);
    }
    std::vector<double> received(static_cast<std::size_t>(receive_at.back() * width));
    team.exchange(Where::host, width * 8, send.data(), send_at, received.data(), receive_at);
    for (int k = 0; k < ranks; ++k)
        for (std::int64_t i = 0; i < rows(k, own) * width; ++i)
            require(received[static_cast<std::size_t>(receive_at[k] * width + i)] == k * 100 + own * 10 + i,
                    "an exchange");
}

void gather_and_sum(Team& team) {
    const int ranks = team.size(), own = team.rank();
    std::vector<std::int64_t> at{0};
    for (int k = 0; k < ranks; ++k) at.push_back(at.back() + k % 3);
    std::vector<float> all(static_cast<std::size_t>(at.back() * 2), -1.0F);
    for (std::int64_t i = at[own] * 2; i < at[own + 1] * 2; ++i) all[static_cast<std::size_t>(i)] = float(i);
    team.gather(Where::host, 8, all.data(), at);
    for (std::size_t i = 0; i < all.size(); ++i) require(all[i] == float(i), "a gather");
    std::vector<double> full(static_cast<std::size_t>(at.back() * 2), own + 1.0), mine(full.size(), -1.0);
    team.sum_scatter(Where::host, Real::fp64, 2, full.data(), at, mine.data());
    for (std::int64_t i = 0; i < (at[own + 1] - at[own]) * 2; ++i)
        require(mine[static_cast<std::size_t>(i)] == ranks * (ranks + 1) / 2.0, "a sum");
}

void agree(Team& team) {
    const TeamSums sums(team, 8);
    require(sums.largest(team.rank() == 1 ? 7 : -3) == 7, "the largest");
    require(sums.from_first(team.is_first() ? "said by the first" : "") == "said by the first", "words");
    std::vector<double> own;
    for (std::int64_t s = sums.first_shard(); s < sums.end_shard(); ++s) own.push_back(1.0 / double(s + 1));
    const auto third = [](double s) { return 1.0 / s; };
    const double tree =
        ((third(1) + third(2)) + (third(3) + third(4))) + ((third(5) + third(6)) + (third(7) + third(8)));
    require(sums.number(own) == tree, "a sum of numbers");
}

void run(const std::string& what, Team& team, double deadline) {
    if (what == "operations") {
        for (int k = 0; k < 3; ++k) {
            exchange_rows(team);
            gather_and_sum(team);
            agree(team);
        }
    } else if (what == "wait") {
        // The others wait for much longer than an operation may take.
        const int status = team.at_first([&] {
            sleep(4 * deadline);
            return 42;
        });
        require(status == 42, "a status");
        agree(team);
    } else if (what == "skip") {
        agree(team);
        if (team.rank() == 1) sleep(60 * deadline);
        agree(team);
    } else if (what == "other") {
        // One rank is at another operation than the rest.
        if (team.rank() == 1) team.at_first([] { return 0; });
        agree(team);
    } else if (what == "throw" && team.rank() == 1) {
        throw Failure("rank 1 fails alone");
    } else {
        agree(team);
    }
}

}  // namespace

int main(int, char** arguments) {
    const double deadline = std::stod(arguments[2]);
    std::unique_ptr<Team> team;
    try {
        team = join_mpi_team(std::string(arguments[3]) == "mpich" ? Mpi::mpich : Mpi::open_mpi, deadline);
        run(arguments[1], *team, deadline);
        if (team->is_first()) std::puts("ok");
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "team: %s\n", error.what());
        if (team) team->end_job(1);
        return 1;
    }
}
