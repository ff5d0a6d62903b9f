// The ranks that a launcher has started, of which this process is one: how a verb joins them, what they do
// together, and how they end (design 2.1).
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "kernels/team/team.hpp"
#include "kernels/team/team_sums.hpp"

namespace ntpgeo {

class Ranks {
  public:
    /// Joins the launcher's ranks for a verb, once in a process; alone where there is no launcher. An
    /// operation may take `deadline` seconds. Ranks on GPUs meet by a file beside `output`; without one they
    /// are refused, as the verb is not made for them. The other ranks' stdout is nobody's from here on.
    /// Throws InputError where the launcher's transport is not to be had, it has started others than it says,
    /// a rank has no GPU of its own, or is of another version.
    static Ranks join(double deadline, const std::optional<std::string>& output = std::nullopt);
    /// This process without others.
    static Ranks alone();
    /// Throws InputError where a launcher has started this process as one of many, which `verb` is not made
    /// for.
    static void refuse_launcher(const std::string& verb);

    [[nodiscard]] Team& team() const { return *team_; }
    [[nodiscard]] int size() const { return team_->size(); }
    [[nodiscard]] bool is_first() const { return team_->is_first(); }
    /// Whether a launcher has started this process, be it the only one.
    [[nodiscard]] bool launched() const { return launched_; }
    /// This rank's GPU, where it computes on one.
    [[nodiscard]] const std::optional<int>& gpu() const { return gpu_; }

    /// The first rank does `work` while the others wait. Where it throws, it does so here on that rank, and
    /// all the others end with its status.
    void at_first(const std::function<void()>& work) const;
    /// All ranks do `work`, which calls nothing of the team. Where some throw, the first of these does so
    /// here, and all the others end with its status.
    void together(const std::function<void()>& work) const;
    /// What is thrown next is thrown on all ranks, of which the first alone is to say it.
    static void end_together();

    /// The status that this process ends with after an error: says `message` where it is this rank's to say,
    /// and ends the others where they do not know.
    static int fail(int status, const std::function<void()>& say);
    /// Leaves the team, in order.
    static void leave();

  private:
    Ranks(Team& team, bool launched, std::optional<int> gpu = std::nullopt)
        : team_(&team), launched_(launched), gpu_(gpu) {}
    Team* team_;
    bool launched_;
    std::optional<int> gpu_;
};

/// The status that a program ends with by the exception that is being handled.
int status_of_exception();

}  // namespace ntpgeo
