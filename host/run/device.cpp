#include "host/run/device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>
#include <string_view>

#include "engine/settings/parse_number.hpp"
#include "host/files/file_error.hpp"
#include "host/run/config.hpp"
#include "host/run/processors.hpp"
#include "host/terminal/numbers.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr std::string_view cuda_prefix = "cuda:";

[[noreturn]] void refuse_unknown(const std::string& name) {
    throw InputError(
        fmt::format("device: '{}' is unknown; use auto, cpu or cuda[:i]", printable(std::string_view(name))));
}

/// i of "cuda:i"; 0 for "cuda".
int cuda_index(const std::string& name) {
    if (name == "cuda") return 0;
    if (!name.starts_with(cuda_prefix)) refuse_unknown(name);
    int index = -1;
    if (!parse_number(std::string_view(name).substr(cuda_prefix.size()), index) || index < 0)
        refuse_unknown(name);
    return index;
}

/// With these set cuBLAS rounds otherwise than in the precision that it is asked for, whatever the mode of
/// its handle: fp32 is no longer fp32, and certificates count on IEEE fp64 products.
void require_the_asked_arithmetic() {
    for (const char* const name : {"NVIDIA_TF32_OVERRIDE", "CUBLAS_EMULATE_SINGLE_PRECISION",
                                   "CUBLAS_EMULATE_DOUBLE_PRECISION", "CUBLAS_EMULATION_STRATEGY"}) {
        const char* const value = std::getenv(name);
        if (value && *value)
            throw InputError(
                fmt::format("device: {}={} is in the environment, and lets cuBLAS round otherwise than "
                            "asked; unset it, or use --device cpu",
                            name, printable(std::string_view(value))));
    }
}

/// V·m·d up to which the CPU multiplies in fp64: a step of some tenths of a second on two cores.
constexpr double fp64_products = 1e9;

constexpr Precision by_cost[] = {Precision::bf16, Precision::tf32, Precision::fp32, Precision::fp64};

Precision cheapest(const Stage& stage, double size, bool gpu) {
    const bool lbfgs = stage.optimizer == OptimizerKind::lbfgs, ridge = stage.lambda_end > 0;
    if (gpu) return lbfgs ? Precision::fp64 : ridge ? Precision::fp32 : Precision::bf16;
    return size <= fp64_products || (lbfgs && ridge) ? Precision::fp64 : Precision::fp32;
}

std::string supported(const Backend& backend) {
    std::string list;
    for (const auto& [name, precision] : names_of(Precision{}))
        if (backend.supports(precision)) list += std::string(name) + ", ";
    return list + "or auto";
}

/// The number at the beginning of a file, or after `key` in it.
std::optional<std::int64_t> number_in(const char* path, const std::string& key = "") {
    std::ifstream file(path);
    std::string word;
    while (!key.empty() && file >> word && word != key) continue;
    std::int64_t value = 0;
    if (!(file >> value)) return std::nullopt;
    return value;
}

/// What a control group leaves: its limit less what is in use, where the cache of files that nobody reads now
/// does not count.
std::int64_t left_by_group(const char* limit_path, const char* usage_path, const char* detail_path,
                           const char* cache_key) {
    const auto limit = number_in(limit_path), usage = number_in(usage_path);
    if (!limit || !usage) return std::numeric_limits<std::int64_t>::max();  // no group, or no limit ("max")
    return std::max<std::int64_t>(0, *limit - *usage + number_in(detail_path, cache_key).value_or(0));
}

}  // namespace

std::string resolve_device(const std::string& name) {
    if (name == "cpu") return name;
    if (name == "auto") return cuda_availability().devices > 0 ? "cuda:0" : "cpu";
    const int index = cuda_index(name);
    const CudaAvailability cuda = cuda_availability();
    if (cuda.devices == 0)
        throw InputError(
            fmt::format("device: '{}' needs a GPU with CUDA, and {}; use cpu or auto", name, cuda.why_none));
    if (index >= cuda.devices)
        throw InputError(fmt::format("device: there is no '{}'; this process sees cuda:0{}", name,
                                     cuda.devices > 1 ? fmt::format(" to cuda:{}", cuda.devices - 1) : ""));
    return fmt::format("cuda:{}", index);
}

bool exact_suits_cpu(std::int64_t classes, std::int64_t vocab) {
    return static_cast<double>(classes) * static_cast<double>(vocab) *
               static_cast<double>(std::min(classes, vocab)) <
           exact_on_gpu_from;
}

std::unique_ptr<Backend> make_backend(const std::string& device) {
    settle_team();
    if (device == "cpu") return make_cpu_backend();
    require_the_asked_arithmetic();
    return make_cuda_backend(cuda_index(device));
}

Precision choose_precision(const Stage& stage, double size, const Backend& backend) {
    const Precision least = cheapest(stage, size, backend.device() != "cpu");
    bool dear_enough = false;
    for (const Precision precision : by_cost) {
        dear_enough = dear_enough || precision == least;
        if (dear_enough && backend.supports(precision)) return precision;
    }
    return Precision::fp64;
}

void resolve_products(TrainingSettings& training, const Dataset& dataset, const Backend& backend) {
    const double size = static_cast<double>(dataset.vocab_size) * static_cast<double>(dataset.contexts()) *
                        static_cast<double>(training.dim);
    for (std::size_t k = 0; k < training.stages.size(); ++k) {
        Stage& stage = training.stages[k];
        if (stage.precision_auto) {
            stage.precision = choose_precision(stage, size, backend);
            stage.precision_auto = false;
        } else if (!backend.supports(stage.precision)) {
            throw InputError(fmt::format("{}precision: the device {} does not multiply in {}; use {}",
                                         stage_prefix(training, k), backend.device(),
                                         name_of(stage.precision), supported(backend)));
        }
        if (stage.kernel == LossKernel::automatic) stage.kernel = LossKernel::plain;
        if (const std::string why_not = backend.why_not(stage.kernel, stage.precision); !why_not.empty())
            throw InputError(
                fmt::format("{}kernel: {}; use auto or plain", stage_prefix(training, k), why_not));
    }
}

std::int64_t available_memory(const Backend& backend) {
    const std::int64_t free = backend.memory().free;
    if (backend.device() != "cpu") return free;
    const auto kilobytes = number_in("/proc/meminfo", "MemAvailable:");
    const std::int64_t machine = kilobytes ? *kilobytes * 1024 : free;
    return std::min({machine,
                     left_by_group("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current",
                                   "/sys/fs/cgroup/memory.stat", "inactive_file"),
                     left_by_group("/sys/fs/cgroup/memory/memory.limit_in_bytes",
                                   "/sys/fs/cgroup/memory/memory.usage_in_bytes",
                                   "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file")});
}

void require_memory(Backend& backend, std::int64_t bytes, const std::string& what) {
    const std::int64_t free = available_memory(backend);
    if (bytes > free)
        throw InputError(
            fmt::format("{} needs {} and the device {} has {} free; take fewer contexts or words", what,
                        bytes_text(bytes), backend.device(), bytes_text(free)));
}

void require_decomposable(const Backend& backend, std::int64_t n, const std::string& what) {
    const EigenLimit limit = backend.eigen_limit();
    if (n > limit.largest)
        throw InputError(
            fmt::format("{} decomposes a matrix of {} rows, and {} on the device {} takes {} at most; take "
                        "{}fewer contexts "
                        "or words",
                        what, n, limit.routine, backend.device(), limit.largest,
                        backend.device() != "cpu" ? "--device cpu or " : ""));
}

}  // namespace ntpgeo
