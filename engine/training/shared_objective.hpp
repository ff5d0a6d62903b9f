// The objective of a problem whose rows are cut into virtual shards, on one rank or many (design 4.6): a step
// gathers W, makes the loss of its own contexts a shard at a time, and sends dW's sums to the rows' owners.
// λ, norms and dots are sums over own rows, so that nothing is there twice.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/training/objective.hpp"
#include "engine/training/shared_rows.hpp"
#include "kernels/team/row_sums.hpp"

namespace ntpgeo {

class SharedObjective final : public Objective {
  public:
    /// `slices` of this rank are what an evaluation is of; they may be others at each, within `bounds`.
    /// `parameters` is [own rows of W; H] of `shape`. All must outlive it.
    SharedObjective(Backend& backend, const SharedRows& rows, const std::vector<ShardSlice>& slices,
                    const ShardBounds& bounds, Vector parameters, const ModelShape& shape);

    /// Bytes of the backend's memory that one rank with all of `shards` takes beside its vectors, for updates
    /// within `bounds`.
    static std::int64_t bytes(Backend& backend, const Stage& stage, Real master, const ModelShape& shape,
                              std::int64_t shards, const ShardBounds& bounds);

    void configure(Precision precision, LossKernel kernel, Frozen frozen) override;
    void rest(Frozen frozen) override;
    void weigh_ridge(const BatchView& batch) override { batch_ = batch; }
    double evaluate(Vector x, double lambda, Vector gradient) override;
    /// The loss alone at x and, where gradient.data is not null, the gradient of the loss with that ridge.
    /// `detail`: what of it is to be told of own contexts, in their order.
    LossSums look(Vector x, double lambda, Vector gradient, const LossDetail& detail);
    /// Does it at once: what ranks exchange is nothing that a queue holds.
    void enqueue(Vector x, const double* ridge, Vector gradient) override;
    [[nodiscard]] const double* value() const override { return value_.as<double>(); }
    [[nodiscard]] std::unique_ptr<Replay> make_replay(std::function<void()> work) override;
    Parameters update_of(Vector x) override { return {x, {}}; }
    /// W's rows before H's where ranks are on GPUs: W is gathered while H's are moved.
    [[nodiscard]] std::vector<std::int64_t> pieces_of_update() const override;
    void moved(Vector x, std::int64_t end) override;
    double dot(Vector x, Vector y) override;
    std::vector<double> products(const std::vector<Vector>& left, Matrix right) override;
    void divide_by_norm(Vector gradient, UpdateNumbers* numbers) override;
    [[nodiscard]] Backend& backend() const override { return backend_; }
    [[nodiscard]] Vector trained() const override { return trained_part(parameters_, shape_, frozen_); }

  private:
    /// The loss over all shards, and its gradient with this ridge.
    LossSums loss(const ModelPoint& at, double lambda, const LossDetail& detail = {});
    /// The loss call of a shard at a point, whose W is gathered.
    [[nodiscard]] LossCall call_of(const ShardSlice& slice, const ModelPoint& at, const Matrix& words,
                                   Vector words_gradient, const LossDetail& detail) const;
    /// All of W, of which own rows are given.
    Matrix gather(const Matrix& words);
    /// Own rows are on their way to where they are gathered.
    void send_words(const Matrix& words);
    /// Waits for a gather that is under way.
    void end_gather();
    /// What has been gathered, or is on its way, is not the coming evaluation's.
    void forget_words();
    [[nodiscard]] bool gathers_early() const;
    /// Of each own shard, of vectors of the trained rows: what their dot products are made of.
    [[nodiscard]] std::vector<double> own_dots(Vector x, Vector y) const;
    void download(const void* device, void* host, std::int64_t bytes) {
        backend_.download(device, host, bytes);
    }

    Backend& backend_;
    const SharedRows& rows_;
    const std::vector<ShardSlice>& slices_;
    ShardBounds bounds_;
    Vector parameters_;
    ModelShape shape_;
    Frozen frozen_ = Frozen::nothing;
    Precision precision_ = Precision::fp64;
    LossKernel kernel_ = LossKernel::automatic;
    std::unique_ptr<LossCalls> calls_;
    std::int64_t at_once_ = 1;  ///< shards whose calls are made at a time
    Array workspace_, words_, shard_sums_, value_;
    Parcel sent_words_;
    bool is_gathering_ = false, is_gathered_ = false;  ///< W of the coming evaluation, there
    std::unique_ptr<RowSums> row_sums_;
    std::optional<BatchView> batch_;
};

}  // namespace ntpgeo
