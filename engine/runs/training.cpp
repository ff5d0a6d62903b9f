#include "engine/runs/training.hpp"

#include <fmt/format.h>

#include <cmath>
#include <tuple>
#include <utility>

#include "engine/runs/shared_pass.hpp"
#include "kernels/team/first_rank.hpp"

namespace ntpgeo {
namespace {

/// Bound on ‖W‖²‖H‖² ≥ ‖L‖_F²: above it the squares that the figures are made of overflow, and no run comes
/// near it but by diverging.
constexpr double diverged_square_norm = 1e150;

}  // namespace

struct MeasuredTraining::Measure {
    Measure(Backend& backend, const Dataset& dataset, const LimitFactors* limit)
        : meter(backend, dataset, limit), bounder(backend, dataset, meter.labels().view()) {}
    FigureMeter meter;
    OptimumBounder bounder;
};

struct MeasuredTraining::Share {
    Share(Backend& backend, const Dataset& dataset, const RunSettings& settings, Team* team)
        : sums(team ? *team : alone, settings.shards, settings.sums), rows(sums, backend, dataset) {}
    Alone alone;
    TeamSums sums;
    SharedRows rows;
};

MeasuredTraining::MeasuredTraining(Backend& backend, const Dataset& dataset, const LimitFactors* limit,
                                   const RunSettings& settings, Team* team)
    : backend_(backend), settings_(settings) {
    if (settings.shards > 0) share_ = std::make_unique<Share>(backend, dataset, settings, team);
    if (!share_ || share_->sums.team().is_first())
        measure_ = std::make_unique<Measure>(backend, dataset, limit);
    if (share_)
        trainer_ = std::make_unique<Trainer>(backend, share_->rows, settings.training);
    else
        trainer_ = std::make_unique<Trainer>(backend, measure_->meter.labels(), settings.training);
}

MeasuredTraining::~MeasuredTraining() = default;

void MeasuredTraining::call_between_parts(const std::function<void()>& between) {
    between_ = between;
    if (measure_) measure_->meter.call_between_parts(between);
}

Record MeasuredTraining::record(double time_s, std::optional<double> step_s) {
    require_in_range();
    if (!share_) return measured(trainer_->words(), trainer_->contexts(), time_s, step_s, nullptr);
    const Stage& stage = trainer_->stage();
    const LossPass pass = shared_pass(backend_, share_->rows, trainer_->words(), trainer_->contexts(),
                                      ridge_of(stage, trainer_->lambda()), products_of_record());
    if (share_->sums.team().size() == 1)
        return measured(trainer_->words(), trainer_->contexts(), time_s, step_s, &pass);
    const std::vector<StateTensor> all = parameters();
    Record record;
    const auto measure = [&] {
        const auto on_backend = [&](const StateTensor& tensor) {
            Array array(backend_, std::ssize(tensor.bytes));
            backend_.upload(tensor.bytes.data(), array.data(), array.bytes());
            return array;
        };
        const Array words = on_backend(all[0]), contexts = on_backend(all[1]);
        record =
            measured(words.matrix(all[0].real, all[0].shape[0], all[0].shape[1]),
                     contexts.matrix(all[1].real, all[1].shape[0], all[1].shape[1]), time_s, step_s, &pass);
    };
    record_at_first(share_->sums.team(), measure);
    return record;
}

std::vector<StateTensor> MeasuredTraining::parameters() {
    if (!share_) return trainer_->parameters();
    std::vector<StateTensor> tensors;
    for (const auto& [name, own, rows] :
         {std::tuple("W", trainer_->words(), share_->rows.dataset().vocab_size),
          std::tuple("H", trainer_->contexts(), share_->rows.dataset().contexts())})
        tensors.push_back(
            {name,
             own.real,
             {rows, own.columns},
             on_first_rank(share_->sums.team(), backend_, own.data, own.columns * bytes_of(own.real),
                           share_->sums.shards().offsets(rows))});
    return tensors;
}

Record MeasuredTraining::measured(Matrix words, Matrix contexts, double time_s, std::optional<double> step_s,
                                  const LossPass* pass) {
    const Stage& stage = trainer_->stage();
    const Precision precision = products_of_record();
    const double ridge = ridge_of(stage, trainer_->lambda());
    const std::uint64_t seed = settings_.training.seed;
    const Figures figures =
        measure_->meter.measure(words, contexts, ridge, precision, seed, trainer_->step(), pass);
    if (!std::isfinite(figures.excess_loss) || !std::isfinite(figures.grad_norm))
        throw NonFiniteLoss(
            fmt::format("the loss or its gradient is not finite at step {}", trainer_->step()));
    std::optional<OptimumBound> bound;
    if (ridge > 0 && certificate_due())
        bound = measure_->bounder.bound(words, contexts, ridge, seed, trainer_->step(), between_);
    return training_record({.step = trainer_->step(),
                            .time_s = time_s,
                            .step_s = step_s,
                            .lambda = trainer_->lambda(),
                            .relative_gap = relative_gap(figures.excess_loss, ridge, figures.words_norm,
                                                         figures.contexts_norm, bound),
                            .gap_kind = bound ? bound->kind : "",
                            .stage = trainer_->position().stage + 1,
                            .device = backend_.device(),
                            .precision = name_of(stage.precision),
                            .metrics_precision = name_of(precision)},
                           figures);
}

Precision MeasuredTraining::products_of_record() const {
    return settings_.metrics_fp64 ? Precision::fp64 : trainer_->stage().precision;
}

// In the first record of every `certify_every` steps, whichever process makes it, and in the last.
bool MeasuredTraining::certificate_due() const {
    const std::int64_t every = settings_.certify_every, step = trainer_->step();
    if (every == 0) return false;
    if (trainer_->finished()) return true;
    for (std::int64_t before = step / every * every; before < step; ++before)
        if (settings_.metrics_every.due(before)) return false;
    return true;
}

void MeasuredTraining::require_in_range() const {
    const double square = trainer_->words_square() * trainer_->contexts_square();
    if (!(square <= diverged_square_norm))
        throw NonFiniteLoss(
            fmt::format("the parameters have grown beyond all bounds at step {}", trainer_->step()));
}

}  // namespace ntpgeo
