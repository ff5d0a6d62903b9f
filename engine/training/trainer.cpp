#include "engine/training/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "engine/training/batch.hpp"
#include "engine/training/shared_objective.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

const StateTensor& find(const TrainerState& state, const std::string& name) {
    const auto found = std::find_if(state.tensors.begin(), state.tensors.end(),
                                    [&](const StateTensor& tensor) { return tensor.name == name; });
    if (found == state.tensors.end()) throw InputError("the saved state has no tensor '" + name + "'");
    return *found;
}

}  // namespace

const Stage& stage_at(const TrainingSettings& settings, const Position& position) {
    return settings.stages[static_cast<std::size_t>(position.stage)];
}

void require_stage(const TrainingSettings& settings, const Position& position) {
    if (position.stage < 0 || position.stage >= std::ssize(settings.stages))
        throw InputError("the saved state is of stage " + std::to_string(position.stage + 1) +
                         ", and this run has " + std::to_string(settings.stages.size()));
}

double lambda_at(const TrainingSettings& settings, const Position& position) {
    return lambda_at(stage_at(settings, position), position.step - position.stage_begin);
}

bool stage_is_over(const TrainingSettings& settings, const Position& position) {
    return position.at_noise_floor ||
           position.step - position.stage_begin >= stage_at(settings, position).steps;
}

bool is_finished(const TrainingSettings& settings, const Position& position) {
    return stage_is_over(settings, position) &&
           std::all_of(settings.stages.begin() + position.stage + 1, settings.stages.end(),
                       [](const Stage& stage) { return stage.steps == 0; });
}

Position next_stage(const TrainingSettings& settings, const Position& position) {
    Position next{position.step, position.stage + 1, position.step, position.optimizer_begin, false};
    if (!carries_over(stage_at(settings, position), stage_at(settings, next)))
        next.optimizer_begin = next.step;
    return next;
}

std::int64_t last_step(const TrainingSettings& settings, const Position& position) {
    std::int64_t end =
        position.at_noise_floor ? position.step : position.stage_begin + stage_at(settings, position).steps;
    for (std::size_t later = static_cast<std::size_t>(position.stage) + 1; later < settings.stages.size();
         ++later)
        end += settings.stages[later].steps;
    return end;
}

Trainer::Trainer(Backend& backend, const Labels& labels, const TrainingSettings& settings)
    : Trainer(backend, nullptr, labels.view(),
              {labels.view().vocab_size, labels.view().contexts, settings.dim}, settings) {}

Trainer::Trainer(Backend& backend, const SharedRows& rows, const TrainingSettings& settings)
    : Trainer(backend, &rows, rows.view(), {rows.words().size(), rows.contexts().size(), settings.dim},
              settings) {}

Trainer::Trainer(Backend& backend, const SharedRows* rows, const LabelsView& labels, const ModelShape& shape,
                 const TrainingSettings& settings)
    : backend_(backend),
      rows_(rows),
      labels_(labels),
      settings_(settings),
      shape_(shape),
      parameters_(backend, shape_.size() * bytes_of(settings.master)) {
    if (rows)
        objective_ =
            std::make_unique<SharedObjective>(backend, *rows, rows->slices(), rows->bounds(), flat(), shape_);
    else
        objective_ = std::make_unique<WholeObjective>(backend, labels, flat(), settings.dim);
    const double scale = settings.init_scale / std::sqrt(static_cast<double>(settings.dim));
    const std::int64_t first_word = rows ? rows->words().first : 0,
                       first_context = rows ? rows->contexts().first : 0;
    backend.fill_normal(words().flat(), {settings.seed, 0, first_word * shape_.dim}, scale);
    backend.fill_normal(contexts().flat(), {settings.seed, 1, first_context * shape_.dim}, scale);
    prepare_stage(false);
}

void Trainer::prepare_stage(bool carried) {
    if (!carried) optimizer_.reset();  // its memory is free before the next one takes any
    const bool batched = stage().batch > 0;
    if (batched)
        objective_->rest(stage().frozen);
    else
        objective_->configure(stage().precision, stage().kernel, stage().frozen);
    if (carried)
        optimizer_->enter(stage());
    else
        optimizer_ = batched ? make_batched(backend_, {labels_, rows_}, flat(), settings_, stage())
                             : make_optimizer(*objective_, settings_.master, stage());
}

Matrix Trainer::words() const {
    return words_of(flat(), shape_);
}
Matrix Trainer::contexts() const {
    return contexts_of(flat(), shape_);
}

double Trainer::square_of(Matrix words, Matrix contexts) const {
    const auto square = [&](const Matrix& matrix, const RowRange& rows) {
        const Vector all = matrix.flat();
        const Vector part{static_cast<char*>(all.data) + rows.first * shape_.dim * bytes_of(all.real),
                          all.real, rows.size() * shape_.dim};
        return backend_.dot(part, part);
    };
    if (rows_) return rows_->sum(words, contexts, square);
    double sum = 0;
    for (const Matrix& matrix : {words, contexts})
        if (matrix.data) sum += backend_.dot(matrix.flat(), matrix.flat());
    return sum;
}

bool Trainer::at_zero() const {
    return is_zero(backend_, flat(), [this] { return square_of(words(), contexts()); });
}

template <class Work>
auto Trainer::naming_the_step(const Work& work) {
    try {
        return work();
    } catch (const NonFiniteLoss& error) {
        queued_ = false;
        if (error.update) position_.step = position_.stage_begin + *error.update;
        throw NonFiniteLoss(std::string(error.what()) + " at step " + std::to_string(position_.step));
    }
}

void Trainer::advance() {
    if (finished()) return;
    const InRegion region(backend_, Region::step);
    if (stage_over()) settle();
    while (stage_over()) {
        const bool carried = carries_over(stage(), settings_.stages[position_.stage + 1]);
        position_ = next_stage(settings_, position_);
        half_done([&] { prepare_stage(carried); });
    }
    const UpdateContext context{position_.step - position_.stage_begin,
                                position_.step - position_.optimizer_begin, position_.step};
    const UpdateOutcome outcome =
        naming_the_step([&] { return optimizer_->update(objective_->trained(), context); });
    queued_ = outcome == UpdateOutcome::queued;
    if (!queued_) note(outcome);
    if (!position_.at_noise_floor) ++position_.step;
}

void Trainer::settle() {
    if (!queued_) return;
    note(naming_the_step([&] { return optimizer_->settle(objective_->trained()); }));
    queued_ = false;
}

void Trainer::note(UpdateOutcome outcome) {
    const bool ended = outcome == UpdateOutcome::ended_stationary;
    stationary_ = ended || outcome == UpdateOutcome::stationary;
    position_.at_noise_floor = ended || outcome == UpdateOutcome::noise_floor;
}

StateTensor Trainer::download(const std::string& name, Vector vector, std::vector<std::int64_t> shape) const {
    StateTensor tensor{name, vector.real, std::move(shape), {}};
    tensor.bytes.resize(static_cast<std::size_t>(vector.size * bytes_of(vector.real)));
    backend_.download(vector.data, tensor.bytes.data(), static_cast<std::int64_t>(tensor.bytes.size()));
    return tensor;
}

std::vector<StateTensor> Trainer::parameters() const {
    if (queued_) throw std::logic_error("a trainer is saved before its updates are settled");
    std::vector<StateTensor> tensors;
    tensors.push_back(download("W", words().flat(), {shape_.vocab_size, shape_.dim}));
    tensors.push_back(download("H", contexts().flat(), {shape_.contexts, shape_.dim}));
    return tensors;
}

template <class Work>
void Trainer::for_each_state(const Work& work) const {
    for (const auto& [name, vector] : optimizer_->state_vectors()) {
        const std::string full = "optimizer." + name;
        if (!rows_) {
            work(full, vector, {vector.size});
            continue;
        }
        const Frozen frozen = stage().frozen;
        if (frozen != Frozen::words) {
            const Matrix part = words_of(vector, shape_);
            work(full + ".W", part.flat(), {part.rows, part.columns});
        }
        if (frozen != Frozen::contexts) {
            const Matrix part = frozen == Frozen::words
                                    ? Matrix{vector.data, vector.real, shape_.contexts, shape_.dim}
                                    : contexts_of(vector, shape_);
            work(full + ".H", part.flat(), {part.rows, part.columns});
        }
    }
}

TrainerState Trainer::save() const {
    const InRegion region(backend_, Region::checkpoint);
    TrainerState state{position_, parameters()};
    for_each_state([&](const std::string& name, Vector vector, const std::vector<std::int64_t>& shape) {
        state.tensors.push_back(download(name, vector, shape));
    });
    const std::vector<double> numbers = optimizer_->state_numbers();
    if (numbers.empty()) return state;
    StateTensor tensor{"optimizer.numbers", Real::fp64, {static_cast<std::int64_t>(numbers.size())}, {}};
    tensor.bytes.resize(numbers.size() * sizeof(double));
    std::memcpy(tensor.bytes.data(), numbers.data(), tensor.bytes.size());
    state.tensors.push_back(std::move(tensor));
    return state;
}

void Trainer::upload(const TrainerState& state, const std::string& name, Vector vector) {
    const StateTensor& tensor = find(state, name);
    const auto bytes = static_cast<std::size_t>(vector.size * bytes_of(vector.real));
    if (tensor.real != vector.real || tensor.bytes.size() != bytes)
        throw InputError("the saved tensor '" + name + "' has another size or precision than this run's");
    backend_.upload(tensor.bytes.data(), vector.data, static_cast<std::int64_t>(bytes));
}

void Trainer::load(const TrainerState& state) {
    require_stage(settings_, state.position);
    queued_ = false;
    position_ = state.position;
    prepare_stage(false);
    upload(state, "W", words().flat());
    upload(state, "H", contexts().flat());
    for_each_state([&](const std::string& name, Vector vector, const std::vector<std::int64_t>&) {
        upload(state, name, vector);
    });
    std::vector<double> numbers = optimizer_->state_numbers();
    if (!numbers.empty()) {
        const StateTensor& tensor = find(state, "optimizer.numbers");
        if (tensor.bytes.size() != numbers.size() * sizeof(double))
            throw InputError("the saved tensor 'optimizer.numbers' has another size than this run's");
        std::memcpy(numbers.data(), tensor.bytes.data(), tensor.bytes.size());
        optimizer_->restore_numbers(numbers);
    }
}

}  // namespace ntpgeo
