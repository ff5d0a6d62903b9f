// Ranks that work on one run: processes, each with rows of its own. Three operations carry bytes between
// them; whatever has a meaning (ordered sums, agreement) is made of these in team_sums.hpp, once for every
// transport.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>

#include "kernels/base/status.hpp"
#include "kernels/base/views.hpp"

namespace ntpgeo {

/// A rank is gone, late, or at other work; the message says who waited where. What is left of the job has to
/// be ended (Team::end_job).
class TeamFailure : public Failure {
  public:
    using Failure::Failure;
};

/// Another rank has said why the job ends; this one ends with the same status and has nothing to say.
class EndedElsewhere : public std::exception {
  public:
    explicit EndedElsewhere(int exit_status) : exit_status_(exit_status) {}
    [[nodiscard]] int exit_status() const { return exit_status_; }
    [[nodiscard]] const char* what() const noexcept override { return "another rank has ended the job"; }

  private:
    int exit_status_;
};

/// Whose memory an operation works on.
enum class Where { host, device };

/// All ranks call the same operations in the same order, with sizes that fit. Offsets [size+1] are in rows of
/// `row_bytes`, so that no 32-bit count of a transport overflows. Each operation throws TeamFailure where it
/// has not ended within the transport's deadline.
class Team {
  public:
    Team() = default;
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;
    virtual ~Team() = default;

    [[nodiscard]] virtual int rank() const = 0;
    [[nodiscard]] virtual int size() const = 0;
    [[nodiscard]] bool is_first() const { return rank() == 0; }
    /// Whether operations take the memory of the GPU that computes for this rank as well as the host's: what
    /// has been queued there before has then happened first, and what is queued afterwards finds the result.
    [[nodiscard]] virtual bool reaches_device() const { return false; }
    /// Of what has been queued on the GPU, the coming operation on its memory needs no more than what is on
    /// `stream` by now: a transport that can tell lets the rest go on beside it.
    virtual void start_after(void* stream) { static_cast<void>(stream); }

    /// How many consecutive ranks every machine has, where that is one number for all; 1 where it is not, or
    /// not known. Sums are made within machines first then.
    [[nodiscard]] int ranks_a_machine() const { return ranks_a_machine_; }
    /// As `machines` [size] has it: the same number for ranks of one machine.
    void know_machines(std::span<const std::int64_t> machines);

    /// Rows send_at[k] .. send_at[k+1] of `send` go to rank k; `receive_at` the same of what comes from each.
    virtual void exchange(Where where, std::int64_t row_bytes, const void* send,
                          std::span<const std::int64_t> send_at, void* receive,
                          std::span<const std::int64_t> receive_at) = 0;
    /// Rank k's rows at[k] .. at[k+1] of `data` are in place before, everybody's after.
    virtual void gather(Where where, std::int64_t row_bytes, void* data,
                        std::span<const std::int64_t> at) = 0;
    /// A gather of the GPU's memory in two halves, between which other operations may come: it is begun, as
    /// far as the transport can, and has ended.
    virtual void begin_gather(std::int64_t row_bytes, void* data, std::span<const std::int64_t> at) {
        gather(Where::device, row_bytes, data, at);
    }
    virtual void end_gather() {}
    /// own ← rows at[rank] .. at[rank+1] of the sum over ranks of `full`, rows of `width` numbers, added in
    /// an order that the transport chooses.
    virtual void sum_scatter(Where where, Real real, std::int64_t width, const void* full,
                             std::span<const std::int64_t> at, void* own) = 0;
    /// The first rank does `work`, which calls no operation, and returns the status it ended with; the others
    /// wait for it, however long that takes, as long as that rank lives.
    virtual int at_first(const std::function<int()>& work) = 0;
    /// Ends the job on all ranks, at once, whatever they wait for; the way out after a TeamFailure, and where
    /// one rank alone has failed. Comes back where there is nobody else.
    virtual void end_job(int exit_status) = 0;

  protected:
    explicit Team(int ranks_a_machine) : ranks_a_machine_(ranks_a_machine) {}

  private:
    int ranks_a_machine_ = 1;
};

inline void Team::know_machines(std::span<const std::int64_t> machines) {
    const auto begin = machines.begin(), end = machines.end();
    const auto each = std::find_if(begin, end, [&](std::int64_t other) { return other != *begin; }) - begin;
    ranks_a_machine_ = 1;
    if (std::ssize(machines) % each != 0) return;
    for (auto first = begin; first != end; first += each)
        if (std::count(begin, end, *first) != each || std::count(first, first + each, *first) != each) return;
    ranks_a_machine_ = static_cast<int>(each);
}

/// One process without others.
class Alone final : public Team {
  public:
    [[nodiscard]] int rank() const override { return 0; }
    [[nodiscard]] int size() const override { return 1; }
    void exchange(Where, std::int64_t row_bytes, const void* send, std::span<const std::int64_t> send_at,
                  void* receive, std::span<const std::int64_t>) override {
        std::memcpy(receive, send, static_cast<std::size_t>(send_at[1] * row_bytes));
    }
    void gather(Where, std::int64_t, void*, std::span<const std::int64_t>) override {}
    void sum_scatter(Where, Real real, std::int64_t width, const void* full, std::span<const std::int64_t> at,
                     void* own) override {
        std::memcpy(own, full, static_cast<std::size_t>(at[1] * width * bytes_of(real)));
    }
    int at_first(const std::function<int()>& work) override { return work(); }
    void end_job(int) override {}
};

}  // namespace ntpgeo
