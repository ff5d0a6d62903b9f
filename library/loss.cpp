// The loss step of a training framework (ntpgeo.h): kernels/anchored_xent/loss_call.hpp behind a handle.
#include <fmt/format.h>

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "engine/machine/device.hpp"
#include "engine/training/settings.hpp"
#include "kernels/backend.hpp"
#include "library/errors.hpp"

namespace ntpgeo {
namespace {

/// What all handles of a device queue by: a GPU's library handles are one thread's at a time.
struct SharedBackend {
    std::unique_ptr<Backend> backend;
    std::mutex used;
};

std::shared_ptr<SharedBackend> backend_of(const std::string& device) {
    static std::mutex looked_at;
    static std::map<std::string, std::weak_ptr<SharedBackend>> known;
    const std::lock_guard lock(looked_at);
    std::shared_ptr<SharedBackend> shared = known[device].lock();
    if (!shared) {
        shared = std::make_shared<SharedBackend>();
        shared->backend = make_callers_backend(device);
        known[device] = shared;
    }
    return shared;
}

}  // namespace
}  // namespace ntpgeo

struct ntpgeo_loss {
    std::shared_ptr<ntpgeo::SharedBackend> shared;
    std::unique_ptr<ntpgeo::LossCalls> calls;
    bool on_cpu = false;
};

namespace ntpgeo {
namespace {

StoredMatrix stored(const ntpgeo_matrix& matrix, const char* name) {
    if (matrix.data == nullptr) return {};
    const auto storage = [&] {
        switch (matrix.type) {
            case NTPGEO_BFLOAT16:
                return Storage::bf16;
            case NTPGEO_FLOAT16:
                return Storage::fp16;
            case NTPGEO_FLOAT32:
                return Storage::fp32;
            case NTPGEO_FLOAT64:
                return Storage::fp64;
            default:
                throw InputError(fmt::format("{}: type {} is no floating-point type", name, matrix.type));
        }
    }();
    return {matrix.data, storage, matrix.rows, matrix.columns, matrix.stride};
}

Precision precision_of(const char* name) {
    Precision precision{};
    if (const std::string wrong = take_name(names_of(Precision{}), name, precision); !wrong.empty())
        throw InputError(fmt::format("precision: '{}' {}", name, wrong));
    return precision;
}

LossCall call_of(const ntpgeo_loss_call* given) {
    require(given, "call");
    require_size(given->size, sizeof(ntpgeo_loss_call), "ntpgeo_loss_call");
    constexpr std::array divergences{Divergence::forward, Divergence::reverse, Divergence::jensen_shannon};
    if (given->divergence < 0 || given->divergence >= std::ssize(divergences))
        throw InputError(fmt::format("divergence: {} is none of 0, 1 and 2", given->divergence));
    LossCall call;
    call.labels = {given->contexts, given->entries, given->indptr,  given->indices,
                   given->probs,    nullptr,        given->weights, given->tails};
    call.words = stored(given->words, "words");
    call.contexts = stored(given->hidden, "hidden");
    call.bias = stored(given->bias, "bias");
    call.words_gradient = stored(given->words_gradient, "words_gradient");
    call.contexts_gradient = stored(given->hidden_gradient, "hidden_gradient");
    call.bias_gradient = stored(given->bias_gradient, "bias_gradient");
    call.divergence = {divergences[static_cast<std::size_t>(given->divergence)], given->beta};
    call.adds_to_words_gradient = given->adds_to_words_gradient != 0;
    call.upstream = given->upstream;
    call.sums = given->sum;
    call.excess = given->losses;
    call.missing_mass = given->missing_mass;
    return call;
}

}  // namespace
}  // namespace ntpgeo

extern "C" {

int ntpgeo_loss_new(const char* device, const char* precision, const ntpgeo_loss_sizes* sizes,
                    ntpgeo_loss** loss) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(device, "device");
        ntpgeo::require(precision, "precision");
        ntpgeo::require(sizes, "sizes");
        ntpgeo::require(loss, "loss");
        ntpgeo::require_size(sizes->size, sizeof(ntpgeo_loss_sizes), "ntpgeo_loss_sizes");
        ntpgeo::LossCallPlan plan;
        plan.vocab_size = sizes->vocab_size;
        plan.dim = sizes->dim;
        plan.most_contexts = sizes->contexts;
        plan.most_nnz = sizes->entries;
        plan.precision = ntpgeo::precision_of(precision);
        plan.biased = sizes->biased != 0;
        auto made = std::make_unique<ntpgeo_loss>();
        const std::string name = ntpgeo::resolve_device(device);
        made->on_cpu = name == "cpu";
        made->shared = ntpgeo::backend_of(name);
        const std::lock_guard lock(made->shared->used);
        made->calls = made->shared->backend->plan_loss_calls(plan);
        *loss = made.release();
    });
}

int ntpgeo_loss_workspace(const ntpgeo_loss* loss, const ntpgeo_loss_call* call, int64_t* bytes) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(loss, "loss");
        ntpgeo::require(bytes, "bytes");
        *bytes = loss->calls->workspace_bytes(ntpgeo::call_of(call));
    });
}

int ntpgeo_loss_enqueue(ntpgeo_loss* loss, const ntpgeo_loss_call* call, void* workspace, int64_t bytes,
                        void* stream) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(loss, "loss");
        const ntpgeo::LossCall one = ntpgeo::call_of(call);
        // The CPU's calls share nothing, and take their time.
        std::unique_lock lock(loss->shared->used, std::defer_lock);
        if (!loss->on_cpu) lock.lock();
        loss->calls->enqueue(one, {workspace, bytes}, stream);
    });
}

void ntpgeo_loss_free(ntpgeo_loss* loss) {
    delete loss;
}
}
