#include "engine/training/batch.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "engine/training/shared_objective.hpp"

namespace ntpgeo {
namespace {

std::vector<std::int64_t> sizes_of_supports(Backend& backend, const LabelsView& labels) {
    std::vector<std::int64_t> sizes =
        download_array<std::int64_t>(backend, labels.indptr, labels.contexts + 1);
    for (std::int64_t j = 0; j < labels.contexts; ++j) sizes[j] = sizes[j + 1] - sizes[j];
    sizes.pop_back();
    return sizes;
}

/// The words' part of a vector of what is trained, and the contexts'; null data where that is frozen.
struct Parts {
    Matrix words, contexts;
};
Parts parts_of(Vector trained, const ModelShape& shape, Frozen frozen) {
    if (frozen == Frozen::contexts) return {{trained.data, trained.real, shape.vocab_size, shape.dim}, {}};
    if (frozen == Frozen::words) return {{}, {trained.data, trained.real, shape.contexts, shape.dim}};
    return {words_of(trained, shape), contexts_of(trained, shape)};
}

std::vector<double> all_context_probs(Backend& backend, const BatchSource& source) {
    if (source.rows) return source.rows->dataset().context_probs;
    return download_array<double>(backend, source.labels.context_probs, source.labels.contexts);
}

class Batched final : public Optimizer {
  public:
    Batched(Backend& backend, const BatchSource& source, Vector flat, const TrainingSettings& settings,
            const Stage& stage)
        : backend_(backend),
          rows_(source.rows),
          stage_(stage),
          all_{source.rows ? source.rows->words().size() : source.labels.vocab_size, source.labels.contexts,
               settings.dim},
          part_{all_.vocab_size, std::min(stage.batch, all_.contexts), settings.dim},
          flat_(flat),
          labels_(backend, source.labels, part_.contexts),
          sampler_(settings.seed, all_context_probs(backend, source), stage.batch, stage.sampling),
          working_(backend, part_.size() * bytes_of(flat.real)),
          state_(backend,
                 saved_vectors(stage) * trained_part(flat, all_, stage.frozen).size * bytes_of(flat.real)) {
        backend.fill_zero(working());
        backend.fill_zero(state_.vector(flat.real, state_.bytes() / bytes_of(flat.real)));
        if (rows_) {
            shards_.emplace(backend, *rows_, labels_);
            objective_ = std::make_unique<SharedObjective>(backend, *rows_, shards_->slices(),
                                                           rows_->bounds(stage.batch), working(), part_);
        } else {
            objective_ = std::make_unique<WholeObjective>(backend, labels_.view(), working(), settings.dim);
        }
        configure();
        inner_ = make_optimizer(*objective_, settings.master, stage);
    }

    UpdateOutcome update(Vector, const UpdateContext& context) override {
        if (!std::exchange(holds_words_, true)) {
            backend_.copy(words_of(flat_, all_).flat(), words_of(working(), part_).flat());
            for_each_state([&](const Parts& all, const Parts& part) { copy_words(all, part); });
        }
        Batch drawn = sampler_.draw(context.update, context.step);
        if (rows_) drawn = part_of(drawn, rows_->contexts());
        labels_.take(drawn);
        if (shards_) shards_->cut(drawn);
        const BatchView& batch = labels_.batch();
        backend_.gather_rows(contexts_of(flat_, all_), batch, contexts_of(working(), part_));
        for_each_state([&](const Parts& all, const Parts& part) {
            if (part.contexts.data) backend_.gather_rows(all.contexts, batch, part.contexts);
        });
        const UpdateOutcome outcome = inner_->update(objective_->trained(), context);
        put_back();
        return outcome == UpdateOutcome::queued ? outcome : UpdateOutcome::advanced;
    }
    // A batch whose gradient is 0 says nothing of the others.
    UpdateOutcome settle(Vector) override {
        inner_->settle(objective_->trained());
        return UpdateOutcome::advanced;
    }
    void enter(const Stage& stage) override {
        stage_ = stage;
        inner_->enter(stage);
        configure();
    }
    // Whoever asks may write them.
    std::vector<NamedVector> state_vectors() override {
        if (std::exchange(holds_words_, false))
            for_each_state([&](const Parts& all, const Parts& part) { copy_words(part, all); });
        std::vector<NamedVector> vectors;
        for (std::int64_t k = 0; k < saved_vectors(stage_); ++k)
            vectors.emplace_back(row_of(stage_.optimizer).state[static_cast<std::size_t>(k)], state(k));
        return vectors;
    }

  private:
    void configure() {
        objective_->configure(stage_.precision, stage_.kernel, stage_.frozen);
        if (stage_.lambda_start > 0) objective_->weigh_ridge(labels_.batch());
    }
    [[nodiscard]] Vector working() const { return working_.vector(flat_.real, part_.size()); }
    [[nodiscard]] Vector state(std::int64_t k) const {
        const std::int64_t size = trained_part(flat_, all_, stage_.frozen).size;
        return state_.vector(flat_.real, size, k * size);
    }
    /// Calls work(parts of the state of all rows, parts of that of the batch's).
    template <class Work>
    void for_each_state(const Work& work) {
        const std::vector<NamedVector> vectors = inner_->state_vectors();
        for (std::size_t k = 0; k < vectors.size(); ++k)
            work(parts_of(state(static_cast<std::int64_t>(k)), all_, stage_.frozen),
                 parts_of(vectors[k].second, part_, stage_.frozen));
    }
    void copy_words(const Parts& from, const Parts& to) {
        if (from.words.data) backend_.copy(from.words.flat(), to.words.flat());
    }
    void put_back() {
        const BatchView& batch = labels_.batch();
        if (stage_.frozen != Frozen::words)
            backend_.copy(words_of(working(), part_).flat(), words_of(flat_, all_).flat());
        if (stage_.frozen != Frozen::contexts)
            backend_.scatter_rows(contexts_of(working(), part_), batch, contexts_of(flat_, all_));
        for_each_state([&](const Parts& all, const Parts& part) {
            if (part.contexts.data) backend_.scatter_rows(part.contexts, batch, all.contexts);
        });
    }

    Backend& backend_;
    const SharedRows* rows_;
    Stage stage_;
    ModelShape all_, part_;
    Vector flat_;
    BatchLabels labels_;
    BatchSampler sampler_;
    Array working_;  // [W; H of the batch]
    std::optional<BatchShards> shards_;
    std::unique_ptr<Objective> objective_;
    Array state_;  // of all rows; the words' part is the inner optimizer's while it holds them
    std::unique_ptr<Optimizer> inner_;
    bool holds_words_ = false;
};

}  // namespace

BatchLabels::BatchLabels(Backend& backend, const LabelsView& labels, std::int64_t size)
    : backend_(backend),
      all_(labels),
      support_sizes_(sizes_of_supports(backend, labels)),
      smallest_(std::min_element(support_sizes_.begin(), support_sizes_.end()) - support_sizes_.begin()),
      indptr_(static_cast<std::size_t>(size) + 1) {
    std::vector<std::int64_t> largest = support_sizes_;
    std::partial_sort(largest.begin(), largest.begin() + size, largest.end(), std::greater<>());
    for (std::int64_t i = 0; i < size; ++i) indptr_[i + 1] = indptr_[i] + largest[i];
    const std::int64_t entries = indptr_.back();
    offsets_ = upload_array(backend, indptr_);
    contexts_ = Array(backend, size * static_cast<std::int64_t>(sizeof(std::int64_t)));
    weights_ = Array(backend, size * static_cast<std::int64_t>(sizeof(double)));
    ridges_ = Array(backend, size * static_cast<std::int64_t>(sizeof(double)));
    indices_ = Array(backend, entries * static_cast<std::int64_t>(sizeof(std::int32_t)));
    probs_ = Array(backend, entries * static_cast<std::int64_t>(sizeof(double)));
    log_probs_ = Array(backend, entries * static_cast<std::int64_t>(sizeof(double)));
    batch_ = {size, contexts_.as<std::int64_t>(), weights_.as<double>(), ridges_.as<double>(),
              offsets_.as<std::int64_t>()};
    view_.vocab_size = labels.vocab_size;
    view_.contexts = size;
    view_.nnz = entries;
    view_.indptr = batch_.indptr;
    view_.indices = indices_.as<std::int32_t>();
    view_.probs = probs_.as<double>();
    view_.log_probs = log_probs_.as<double>();
    view_.context_probs = batch_.weights;
}

void BatchLabels::take(const Batch& batch) {
    std::vector<std::int64_t> contexts = batch.contexts;
    std::vector<double> weights = batch.weights, ridges = batch.ridges;
    contexts.resize(indptr_.size() - 1, smallest_);
    weights.resize(contexts.size(), 0.0);
    ridges.resize(contexts.size(), 0.0);
    for (std::size_t i = 0; i < contexts.size(); ++i)
        indptr_[i + 1] = indptr_[i] + support_sizes_[contexts[i]];
    backend_.upload(contexts.data(), contexts_.data(), contexts_.bytes());
    backend_.upload(weights.data(), weights_.data(), weights_.bytes());
    backend_.upload(ridges.data(), ridges_.data(), ridges_.bytes());
    backend_.upload(indptr_.data(), offsets_.data(), offsets_.bytes());
    backend_.gather_labels(all_, batch_,
                           {indices_.as<std::int32_t>(), probs_.as<double>(), log_probs_.as<double>()});
}

std::int64_t BatchLabels::bytes() const {
    return contexts_.bytes() + weights_.bytes() + ridges_.bytes() + offsets_.bytes() + indices_.bytes() +
           probs_.bytes() + log_probs_.bytes();
}

BatchShards::BatchShards(Backend& backend, const SharedRows& rows, const BatchLabels& labels)
    : backend_(backend),
      rows_(rows),
      labels_(labels),
      offsets_(backend, (labels.view().contexts + std::ssize(rows.slices())) *
                            static_cast<std::int64_t>(sizeof(std::int64_t))) {}

void BatchShards::cut(const Batch& own) {
    std::vector<std::int64_t> offsets;
    slices_.clear();
    std::int64_t place = 0;
    for (const ShardSlice& shard : rows_.slices()) {
        const std::int64_t begin = place, end_row = shard.first_row + shard.labels.contexts;
        while (place < std::ssize(own.contexts) && own.contexts[place] < end_row) ++place;
        if (place == begin) continue;
        const std::int64_t from = labels_.offset(begin);
        const LabelsView& all = labels_.view();
        slices_.push_back({shard.shard,
                           begin,
                           {place - begin, labels_.offset(place) - from,
                            offsets_.as<std::int64_t>() + std::ssize(offsets), all.indices + from,
                            all.probs + from, all.log_probs + from, all.context_probs + begin, nullptr}});
        for (std::int64_t i = begin; i <= place; ++i) offsets.push_back(labels_.offset(i) - from);
    }
    if (!offsets.empty())
        backend_.upload(offsets.data(), offsets_.data(),
                        std::ssize(offsets) * static_cast<std::int64_t>(sizeof(std::int64_t)));
}

Batch part_of(const Batch& batch, const RowRange& rows) {
    const auto begin = std::lower_bound(batch.contexts.begin(), batch.contexts.end(), rows.first),
               end = std::lower_bound(begin, batch.contexts.end(), rows.end);
    const auto from = begin - batch.contexts.begin(), to = end - batch.contexts.begin();
    Batch part{{begin, end},
               {batch.weights.begin() + from, batch.weights.begin() + to},
               {batch.ridges.begin() + from, batch.ridges.begin() + to}};
    for (std::int64_t& context : part.contexts) context -= rows.first;
    return part;
}

std::unique_ptr<Optimizer> make_batched(Backend& backend, const BatchSource& source, Vector flat,
                                        const TrainingSettings& settings, const Stage& stage) {
    return std::make_unique<Batched>(backend, source, flat, settings, stage);
}

}  // namespace ntpgeo
