// GPUs of ranks that something connects already: which is whose, and what connects them besides.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "kernels/team/team.hpp"
#include "kernels/team/team_module.hpp"

namespace ntpgeo {

/// The GPU that a rank can compute on.
struct RankGpu {
    std::optional<int> index{};
    std::string why_none{};  ///< one clause without a full stop
};

/// Each rank's own GPU: the one that it sees, where it is shown one alone, else that of its number on its
/// machine. All have one of their own or none of them has, and all know why. `machines` [size] is the same
/// for ranks of one machine. Every rank calls it.
RankGpu own_gpu(Team& team, std::span<const std::int64_t> machines);

/// The same ranks on their GPUs. Every rank of `hosts` calls it. Throws TeamFailure.
std::unique_ptr<Team> join_gpus(Team& hosts, const NcclModule& nccl, int gpu, double deadline);

/// Ranks that one transport connects by the host's memory and another by their GPUs'.
class HostsAndGpus final : public Team {
  public:
    HostsAndGpus(std::unique_ptr<Team> hosts, std::unique_ptr<Team> gpus)
        : Team(hosts->ranks_a_machine()), hosts_(std::move(hosts)), gpus_(std::move(gpus)) {}

    [[nodiscard]] int rank() const override { return hosts_->rank(); }
    [[nodiscard]] int size() const override { return hosts_->size(); }
    [[nodiscard]] bool reaches_device() const override { return true; }
    void start_after(void* stream) override { gpus_->start_after(stream); }
    void begin_gather(std::int64_t row_bytes, void* data, std::span<const std::int64_t> at) override {
        gpus_->begin_gather(row_bytes, data, at);
    }
    void end_gather() override { gpus_->end_gather(); }
    void exchange(Where where, std::int64_t row_bytes, const void* send,
                  std::span<const std::int64_t> send_at, void* receive,
                  std::span<const std::int64_t> receive_at) override {
        by(where).exchange(where, row_bytes, send, send_at, receive, receive_at);
    }
    void gather(Where where, std::int64_t row_bytes, void* data, std::span<const std::int64_t> at) override {
        by(where).gather(where, row_bytes, data, at);
    }
    void sum_scatter(Where where, Real real, std::int64_t width, const void* full,
                     std::span<const std::int64_t> at, void* own) override {
        by(where).sum_scatter(where, real, width, full, at, own);
    }
    int at_first(const std::function<int()>& work) override { return hosts_->at_first(work); }
    void end_job(int exit_status) override {
        gpus_->end_job(exit_status);
        hosts_->end_job(exit_status);
    }

  private:
    [[nodiscard]] Team& by(Where where) { return where == Where::device ? *gpus_ : *hosts_; }

    std::unique_ptr<Team> hosts_, gpus_;  // the GPUs' is left first
};

}  // namespace ntpgeo
