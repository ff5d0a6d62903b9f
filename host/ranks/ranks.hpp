// The ranks that a launcher has started, of which this process is one: how a verb joins them, what they do
// together, and how they end (design 2.1).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "host/ranks/gpus.hpp"
#include "kernels/team/team.hpp"
#include "kernels/team/team_sums.hpp"

namespace ntpgeo {

class Ranks {
  public:
    /// Joins the launcher's ranks for a verb, once in a process; alone where there is no launcher. An
    /// operation may take `deadline` seconds. torchrun's ranks meet by a file beside `output`; without one
    /// they are refused, as the verb is not made for them. The other ranks' stdout is nobody's from here on.
    /// Throws InputError where the launcher's transport is not to be had, it has started others than it says,
    /// one of torchrun's ranks has no GPU of its own, or a rank is of another version.
    static Ranks join(double deadline, const std::optional<std::string>& output = std::nullopt);
    /// This process without others.
    static Ranks alone();
    /// Throws InputError where a launcher has started this process as one of many, which `verb` is not made
    /// for.
    static void refuse_launcher(const std::string& verb);

    [[nodiscard]] Team& team() const;
    [[nodiscard]] int size() const { return team().size(); }
    [[nodiscard]] bool is_first() const { return team().is_first(); }
    /// Whether a launcher has started this process, be it the only one.
    [[nodiscard]] bool launched() const { return launched_; }
    /// The GPU that this rank of many can compute on, as all the others can on theirs; or why not.
    [[nodiscard]] const RankGpu& gpu() const { return gpu_; }
    /// Whether the launcher knows ranks on GPUs alone.
    [[nodiscard]] bool only_gpus() const { return only_gpus_; }
    /// Many ranks are to compute on `device`, each its own: what MPI has connected so far, NCCL connects as
    /// well where that is a GPU. Every rank calls it. Throws InputError where there is no NCCL.
    void compute_on(const std::string& device) const;

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
    Ranks(bool launched, bool only_gpus, double deadline, RankGpu gpu)
        : launched_(launched), only_gpus_(only_gpus), deadline_(deadline), gpu_(std::move(gpu)) {}
    bool launched_, only_gpus_;
    double deadline_;
    RankGpu gpu_;
};

/// The status that a program ends with by the exception that is being handled.
int status_of_exception();

}  // namespace ntpgeo
