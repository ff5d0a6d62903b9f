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
        : sums(team ? *team : alone, settings.shards, settings.sums),
          rows(sums, backend, dataset),
          contexts(backend, &sums, dataset.contexts(), dataset.vocab_size) {}
    Alone alone;
    TeamSums sums;
    SharedRows rows;
    SolverRows contexts;  // of certificates
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
    const RecordTimes times{time_s, step_s};
    if (!share_) return measured(trainer_->words(), trainer_->contexts(), times, nullptr);
    const Stage& stage = trainer_->stage();
    Shared shared{shared_pass(backend_, share_->rows, trainer_->words(), trainer_->contexts(),
                              ridge_of(stage, trainer_->lambda()), products_of_record()),
                  {}};
    require_finite(shared.pass.excess_loss, shared.pass.grad_norm);
    shared.bound = shared_bound();
    if (share_->sums.team().size() == 1)
        return measured(trainer_->words(), trainer_->contexts(), times, &shared);
    const std::vector<StateTensor> all = parameters();
    Record record;
    const auto measure = [&] {
        const auto on_backend = [&](const StateTensor& tensor) {
            Array array(backend_, std::ssize(tensor.bytes));
            backend_.upload(tensor.bytes.data(), array.data(), array.bytes());
            return array;
        };
        const Array words = on_backend(all[0]), contexts = on_backend(all[1]);
        record = measured(words.matrix(all[0].real, all[0].shape[0], all[0].shape[1]),
                          contexts.matrix(all[1].real, all[1].shape[0], all[1].shape[1]), times, &shared);
    };
    record_at_first(share_->sums.team(), measure);
    return record;
}

// Where any rank is asked to leave it, all do.
std::optional<OptimumBound> MeasuredTraining::shared_bound() {
    const double ridge = ridge_of(trainer_->stage(), trainer_->lambda());
    if (!(ridge > 0) || !certificate_due()) return std::nullopt;
    const auto between = [this] {
        if (share_->sums.team().size() == 1) return between_();
        std::int64_t left = 0;
        try {
            between_();
        } catch (const RecordLeft&) {
            left = 1;
        }
        if (share_->sums.largest(left) != 0) throw RecordLeft();
    };
    const Matrix own = trainer_->words();
    const std::int64_t vocab = share_->rows.dataset().vocab_size;
    const Array memory(backend_, vocab * own.columns * bytes_of(own.real));
    const Matrix words = memory.matrix(own.real, vocab, own.columns);
    backend_.copy(own.flat(), SolverRows::piece_of(words, share_->rows.words()).flat());
    share_->contexts.share(words);
    return shared_optimum_bound(share_->contexts, share_->rows.dataset(), share_->rows.view(), words,
                                trainer_->contexts(), ridge, settings_.training.seed, trainer_->step(),
                                between);
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

Record MeasuredTraining::measured(Matrix words, Matrix contexts, const RecordTimes& times,
                                  const Shared* shared) {
    const Stage& stage = trainer_->stage();
    const Precision precision = products_of_record();
    const double ridge = ridge_of(stage, trainer_->lambda());
    const std::uint64_t seed = settings_.training.seed;
    const Figures figures = measure_->meter.measure(words, contexts, ridge, precision, seed, trainer_->step(),
                                                    shared ? &shared->pass : nullptr);
    require_finite(figures.excess_loss, figures.grad_norm);
    std::optional<OptimumBound> bound;
    if (shared)
        bound = shared->bound;
    else if (ridge > 0 && certificate_due())
        bound = measure_->bounder.bound(words, contexts, ridge, seed, trainer_->step(), between_);
    return training_record({.step = trainer_->step(),
                            .time_s = times.work,
                            .step_s = times.step,
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

void MeasuredTraining::require_finite(double loss, double gradient) const {
    if (!std::isfinite(loss) || !std::isfinite(gradient))
        throw NonFiniteLoss(
            fmt::format("the loss or its gradient is not finite at step {}", trainer_->step()));
}

void MeasuredTraining::require_in_range() const {
    const double square = trainer_->words_square() * trainer_->contexts_square();
    if (!(square <= diverged_square_norm))
        throw NonFiniteLoss(
            fmt::format("the parameters have grown beyond all bounds at step {}", trainer_->step()));
}

}  // namespace ntpgeo
