#include "engine/training/shared_objective.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "kernels/update/schedule.hpp"

namespace ntpgeo {
namespace {

/// Work that is done when it is asked for.
class Immediate final : public Replay {
  public:
    Immediate(std::function<void()> work, std::function<void()> finish)
        : work_(std::move(work)), finish_(std::move(finish)) {}

    void run() override { work_(); }
    void finish() override { finish_(); }
    [[nodiscard]] bool runs_ahead() const override { return false; }

  private:
    std::function<void()> work_, finish_;
};

LossCallPlan plan_of_shards(std::int64_t vocab, std::int64_t dim, const ShardBounds& bounds,
                            Precision precision, LossKernel kernel) {
    return {vocab, dim, bounds.contexts, bounds.nnz, precision, kernel, 0, 0, false, true};
}

/// How many shards' loss calls are made at a time, of all that one rank can have: as many as there is room
/// for their dW.
std::int64_t calls_at_once(const LossCalls& calls, std::int64_t shards, const ModelShape& shape,
                           Real master) {
    return RowSums::many_at_once(shards,
                                 shape.vocab_size * shape.dim * bytes_of(calls.words_gradient_real(master)));
}

/// Of `many` calls at once, all of whose matrices but dW are the master's, with W's gradient or without.
std::int64_t workspace_bytes(const LossCalls& calls, std::int64_t many, Real master, std::int64_t dim) {
    static std::max_align_t somewhere;  // that no one looks at
    LossCall call;
    for (StoredMatrix* const matrix : {&call.words, &call.contexts, &call.contexts_gradient})
        *matrix = {&somewhere, storage_of(master), 0, dim, dim};
    const std::int64_t without = calls.workspace_bytes_of_many(call, many);
    call.words_gradient = {&somewhere, storage_of(calls.words_gradient_real(master)), 0, dim, dim};
    return std::max(without, calls.workspace_bytes_of_many(call, many));
}

}  // namespace

SharedObjective::SharedObjective(Backend& backend, const SharedRows& rows,
                                 const std::vector<ShardSlice>& slices, const ShardBounds& bounds,
                                 Vector parameters, const ModelShape& shape)
    : backend_(backend),
      rows_(rows),
      slices_(slices),
      bounds_(bounds),
      parameters_(parameters),
      shape_(shape),
      shard_sums_(backend, 2 * static_cast<std::int64_t>(sizeof(double)) *
                               (rows.sums().end_shard() - rows.sums().first_shard())),
      value_(backend, static_cast<std::int64_t>(sizeof(double))),
      sent_words_(rows.sums().team(), backend, backend) {
    if (rows.sums().team().size() > 1)
        words_ = Array(backend, rows.dataset().vocab_size * shape.dim * bytes_of(parameters.real));
}

void SharedObjective::configure(Precision precision, LossKernel kernel, Frozen frozen) {
    forget_words();
    frozen_ = frozen;
    batch_.reset();
    if (!calls_ || precision != precision_ || kernel != kernel_) {
        precision_ = precision;
        kernel_ = kernel;
        rest(frozen);
        calls_ = backend_.plan_loss_calls(
            plan_of_shards(rows_.dataset().vocab_size, shape_.dim, bounds_, precision, kernel));
        at_once_ = calls_at_once(*calls_, rows_.sums().end_shard() - rows_.sums().first_shard(), shape_,
                                 parameters_.real);
        workspace_ = Array(backend_, workspace_bytes(*calls_, at_once_, parameters_.real, shape_.dim));
    }
    if (frozen != Frozen::words && !row_sums_)
        row_sums_ = std::make_unique<RowSums>(rows_.sums(), backend_, backend_, parameters_.real,
                                              rows_.dataset().vocab_size, shape_.dim,
                                              calls_->words_gradient_real(parameters_.real));
}

std::int64_t SharedObjective::bytes(Backend& backend, const Stage& stage, Real master,
                                    const ModelShape& shape, std::int64_t shards, const ShardBounds& bounds) {
    const auto calls = backend.plan_loss_calls(
        plan_of_shards(shape.vocab_size, shape.dim, bounds, stage.precision, stage.kernel));
    const std::int64_t at_once = calls_at_once(*calls, shards, shape, master);
    const std::int64_t sums = stage.frozen == Frozen::words
                                  ? 0
                                  : RowSums::bytes(shards, at_once, shape.vocab_size * shape.dim, master,
                                                   calls->words_gradient_real(master));
    return workspace_bytes(*calls, at_once, master, shape.dim) + sums;
}

void SharedObjective::rest(Frozen frozen) {
    forget_words();
    frozen_ = frozen;
    calls_.reset();
    row_sums_.reset();
    workspace_ = {};
}

std::unique_ptr<Replay> SharedObjective::make_replay(std::function<void()> work) {
    return std::make_unique<Immediate>(std::move(work), [this] {
        double any = 0;
        backend_.download(value_.data(), &any, sizeof any);  // after all that has been queued
        end_gather();
    });
}

Matrix SharedObjective::gather(const Matrix& words) {
    const TeamSums& sums = rows_.sums();
    if (sums.team().size() == 1) return words;
    const InRegion region(backend_, Region::ranks);
    const std::int64_t vocab = rows_.dataset().vocab_size;
    end_gather();
    if (!std::exchange(is_gathered_, false)) {
        send_words(words);
        sums.team().gather(sent_words_.where(), shape_.dim * bytes_of(words.real), sent_words_.data(),
                           sums.shards().offsets(vocab));
    }
    const Matrix all = words_.matrix(words.real, vocab, shape_.dim);
    sent_words_.take(0, all.flat());
    return all;
}

void SharedObjective::send_words(const Matrix& words) {
    const std::int64_t row_bytes = shape_.dim * bytes_of(words.real);
    sent_words_.make_room(rows_.dataset().vocab_size * row_bytes);
    sent_words_.put(words.flat(), rows_.words().first * row_bytes);
}

void SharedObjective::end_gather() {
    if (!std::exchange(is_gathering_, false)) return;
    rows_.sums().team().end_gather();
    is_gathered_ = true;
}

void SharedObjective::forget_words() {
    end_gather();
    is_gathered_ = false;
}

bool SharedObjective::gathers_early() const {
    const Team& team = rows_.sums().team();
    return team.size() > 1 && team.reaches_device() && frozen_ == Frozen::nothing;
}

std::vector<std::int64_t> SharedObjective::pieces_of_update() const {
    if (!gathers_early()) return {size()};
    return {words_of(parameters_, shape_).flat().size, size()};
}

void SharedObjective::moved(Vector x, std::int64_t end) {
    if (!gathers_early()) return;
    const Matrix words = words_of(x, shape_);
    Team& team = rows_.sums().team();
    if (end < size()) {
        send_words(words);
        team.start_after(backend_.stream());
        return;
    }
    team.begin_gather(shape_.dim * bytes_of(words.real), sent_words_.data(),
                      rows_.sums().shards().offsets(rows_.dataset().vocab_size));
    is_gathering_ = true;
}

LossCall SharedObjective::call_of(const ShardSlice& slice, const ModelPoint& at, const Matrix& words,
                                  Vector words_gradient, const LossDetail& detail) const {
    const std::int64_t contexts = slice.labels.contexts;
    LossCall call;
    call.labels = slice.labels;
    call.words = stored(words);
    call.contexts = stored(rows_from(at.contexts, slice.first_row, contexts));
    if (words_gradient.data)
        call.words_gradient = stored({words_gradient.data, words_gradient.real, words.rows, words.columns});
    call.contexts_gradient = stored(rows_from(at.contexts_gradient, slice.first_row, contexts));
    call.sums = shard_sums_.as<double>() + 2 * (slice.shard - rows_.sums().first_shard());
    if (detail.wanted()) {
        const std::int64_t entry = slice.labels.probs - rows_.view().probs;
        call.detail = {detail.support_logits + entry, detail.mean_logits + slice.first_row,
                       detail.off_support_max + slice.first_row, detail.off_support_square + slice.first_row};
    }
    return call;
}

LossSums SharedObjective::loss(const ModelPoint& at, double lambda, const LossDetail& detail) {
    const InRegion region(backend_, Region::loss);
    const TeamSums& sums = rows_.sums();
    const Matrix words = gather(at.words);
    const CallMemory memory{workspace_.data(), workspace_.bytes()};
    bool words_are_prepared = false;
    backend_.fill_zero(shard_sums_.vector(Real::fp64, shard_sums_.bytes() / 8));
    std::int64_t contexts = 0;
    for (const ShardSlice& slice : slices_) contexts += slice.labels.contexts;
    if (at.contexts_gradient.data && contexts < shape_.contexts)
        backend_.fill_zero(at.contexts_gradient.flat());  // also where a batch has left places
    auto slice = slices_.begin();
    std::vector<LossCall> some;
    for (std::int64_t s = sums.first_shard(); s < sums.end_shard(); s += at_once_) {
        const std::int64_t here = std::min(at_once_, sums.end_shard() - s);
        for (std::int64_t k = 0; k < here; ++k) {
            const Vector words_gradient = at.words_gradient.data ? row_sums_->next(k) : Vector{};
            if (slice != slices_.end() && slice->shard == s + k)
                some.push_back(call_of(*slice++, at, words, words_gradient, detail));
            else if (words_gradient.data)
                backend_.fill_zero(words_gradient);  // a batch without contexts of this shard
        }
        if (!some.empty()) some.front().words_are_prepared = std::exchange(words_are_prepared, true);
        calls_->enqueue_many(some, memory, backend_.stream(), [&] {
            if (!at.words_gradient.data) return;
            const InRegion between(backend_, Region::ranks);
            if (s + here < sums.end_shard()) return row_sums_->push(here);
            row_sums_->begin_finish(here);
            sums.team().start_after(backend_.stream());  // beside the last dH
        });
        some.clear();
    }
    if (at.words_gradient.data) {
        const InRegion between(backend_, Region::ranks);
        row_sums_->finish(at.words_gradient.flat());
    }
    // λ is of own rows, each of which is somebody's once.
    for (const auto& [rows, gradient] :
         {std::pair(at.words, at.words_gradient), std::pair(at.contexts, at.contexts_gradient)})
        if (lambda != 0 && gradient.data) backend_.axpy(lambda, rows.flat(), gradient.flat());
    const std::vector<double> own = download_array<double>(
        backend_, shard_sums_.data(), shard_sums_.bytes() / static_cast<std::int64_t>(sizeof(double)));
    const InRegion between(backend_, Region::ranks);
    const std::vector<double> all = sums.numbers(own, 2);
    return {all[0], all[1]};
}

double SharedObjective::evaluate(Vector x, double lambda, Vector gradient) {
    const double excess = loss(point_of(parameters_, shape_, frozen_, x, gradient), lambda).excess_loss;
    return lambda == 0 ? excess : excess + 0.5 * lambda * dot(x, x);
}

LossSums SharedObjective::look(Vector x, double lambda, Vector gradient, const LossDetail& detail) {
    if (gradient.data) return loss(point_of(parameters_, shape_, frozen_, x, gradient), lambda, detail);
    return loss({words_of(x, shape_), contexts_of(x, shape_), {}, {}}, lambda, detail);
}

void SharedObjective::enqueue(Vector x, const double* ridge, Vector gradient) {
    double lambda = 0;
    backend_.download(ridge, &lambda, sizeof lambda);
    const ModelPoint at = point_of(parameters_, shape_, frozen_, x, gradient);
    const double value = loss(at, lambda).excess_loss;
    if (batch_ && at.contexts_gradient.data)
        backend_.weigh_ridge(at.contexts, *batch_, ridge, at.contexts_gradient);
    backend_.upload(&value, value_.data(), sizeof value);
}

std::vector<double> SharedObjective::own_dots(Vector x, Vector y) const {
    const ModelPoint left = point_of(parameters_, shape_, frozen_, x, x),
                     right = point_of(parameters_, shape_, frozen_, y, y);
    const auto part = [&](const Matrix& a, const Matrix& b, std::int64_t first, std::int64_t rows) {
        return backend_.dot(rows_from(a, first, rows).flat(), rows_from(b, first, rows).flat());
    };
    std::vector<double> dots;
    auto slice = slices_.begin();
    for (std::int64_t s = rows_.sums().first_shard(); s < rows_.sums().end_shard(); ++s) {
        double value = 0;
        const RowRange words = rows_.own_rows(rows_.dataset().vocab_size, s, rows_.words());
        if (frozen_ != Frozen::words) value += part(left.words, right.words, words.first, words.size());
        if (slice != slices_.end() && slice->shard == s) {
            if (frozen_ != Frozen::contexts)
                value += part(left.contexts, right.contexts, slice->first_row, slice->labels.contexts);
            ++slice;
        }
        dots.push_back(value);
    }
    return dots;
}

double SharedObjective::dot(Vector x, Vector y) {
    return rows_.sums().number(own_dots(x, y));
}

std::vector<double> SharedObjective::products(const std::vector<Vector>& left, Matrix right) {
    // All of them in one sum over ranks: [shard, product].
    const std::int64_t shards = rows_.sums().end_shard() - rows_.sums().first_shard(),
                       count = std::ssize(left) * right.rows;
    std::vector<double> own(static_cast<std::size_t>(shards * count));
    for (std::int64_t i = 0; i < std::ssize(left); ++i)
        for (std::int64_t k = 0; k < right.rows; ++k) {
            const std::vector<double> dots =
                own_dots(left[static_cast<std::size_t>(i)], rows_from(right, k, 1).flat());
            for (std::int64_t s = 0; s < shards; ++s) own[s * count + i * right.rows + k] = dots[s];
        }
    return rows_.sums().numbers(own, count);
}

void SharedObjective::divide_by_norm(Vector gradient, UpdateNumbers* numbers) {
    const double square = dot(gradient, gradient);
    double far_square = 0;
    if (square < underflown_square && gradient.real == Real::fp64) {
        backend_.scale(far_up, gradient);
        far_square = dot(gradient, gradient);
        backend_.scale(1 / far_up, gradient);
    }
    UpdateNumbers now;
    backend_.download(numbers, &now, sizeof now);
    ntpgeo::divide_by_norm(square, far_square, now);
    backend_.upload(&now, numbers, sizeof now);
}

}  // namespace ntpgeo
