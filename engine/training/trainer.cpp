#include "engine/training/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/status.hpp"

namespace ntpgeo {
namespace {

const StateTensor& find(const TrainerState& state, const std::string& name) {
    const auto found = std::find_if(state.tensors.begin(), state.tensors.end(),
                                    [&](const StateTensor& tensor) { return tensor.name == name; });
    if (found == state.tensors.end()) throw InputError("the saved state has no tensor '" + name + "'");
    return *found;
}

}  // namespace

Trainer::Trainer(Backend& backend, const Labels& labels, const TrainingSettings& settings)
    : backend_(backend),
      settings_(settings),
      shape_{labels.view().vocab_size, labels.view().contexts, settings.dim},
      parameters_(backend, shape_.size() * bytes_of(settings.master)),
      objective_(backend, labels.view(), {settings.dim, settings.master, settings.stage.precision, 0, 0}),
      optimizer_(make_optimizer(objective_, settings.master, settings.stage)) {
    const double scale = settings.init_scale / std::sqrt(static_cast<double>(settings.dim));
    backend.fill_normal(words().flat(), settings.seed, 0, scale);
    backend.fill_normal(contexts().flat(), settings.seed, 1, scale);
}

Matrix Trainer::words() const {
    return words_of(flat(), shape_);
}
Matrix Trainer::contexts() const {
    return contexts_of(flat(), shape_);
}

void Trainer::advance() {
    if (finished()) return;
    const UpdateContext context{step_, learning_rate_at(settings_.stage, step_), lambda()};
    try {
        if (optimizer_->update(flat(), context) == UpdateOutcome::noise_floor)
            at_noise_floor_ = true;
        else
            ++step_;
    } catch (const NonFiniteLoss& error) {
        throw NonFiniteLoss(std::string(error.what()) + " at step " + std::to_string(step_));
    }
}

StateTensor Trainer::download(const std::string& name, Vector vector, std::vector<std::int64_t> shape) const {
    StateTensor tensor{name, vector.real, std::move(shape), {}};
    tensor.bytes.resize(static_cast<std::size_t>(vector.size * bytes_of(vector.real)));
    backend_.download(vector.data, tensor.bytes.data(), static_cast<std::int64_t>(tensor.bytes.size()));
    return tensor;
}

std::vector<StateTensor> Trainer::parameters() const {
    std::vector<StateTensor> tensors;
    tensors.push_back(download("W", words().flat(), {shape_.vocab_size, shape_.dim}));
    tensors.push_back(download("H", contexts().flat(), {shape_.contexts, shape_.dim}));
    return tensors;
}

TrainerState Trainer::save() const {
    TrainerState state{step_, at_noise_floor_, parameters()};
    for (const auto& [name, vector] : optimizer_->state_vectors())
        state.tensors.push_back(download("optimizer." + name, vector, {vector.size}));
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
    upload(state, "W", words().flat());
    upload(state, "H", contexts().flat());
    for (const auto& [name, vector] : optimizer_->state_vectors()) upload(state, "optimizer." + name, vector);
    std::vector<double> numbers = optimizer_->state_numbers();
    if (!numbers.empty()) {
        const StateTensor& tensor = find(state, "optimizer.numbers");
        if (tensor.bytes.size() != numbers.size() * sizeof(double))
            throw InputError("the saved tensor 'optimizer.numbers' has another size than this run's");
        std::memcpy(numbers.data(), tensor.bytes.data(), tensor.bytes.size());
        optimizer_->restore_numbers(numbers);
    }
    step_ = state.step;
    at_noise_floor_ = state.at_noise_floor;
}

}  // namespace ntpgeo
