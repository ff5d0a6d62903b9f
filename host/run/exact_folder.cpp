#include "host/run/exact_folder.hpp"

#include <fmt/format.h>

#include "host/files/file_error.hpp"
#include "host/run/device.hpp"
#include "host/run/machine_memory.hpp"
#include "host/run/memory_plan.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {

ExactRun::ExactRun(ExactConfig settings, Dataset data, std::optional<LimitFactors> given_limit,
                   std::filesystem::path output, bool resume)
    : config(std::move(settings)),
      dataset(std::move(data)),
      limit(std::move(given_limit)),
      backend(make_backend(config.device)),
      output_(std::move(output)) {
    if (!resume) return;
    folder_ = RunFolder::open(output_);
    folder_->lock();
}

RunFolder& ExactRun::folder() {
    if (!folder_) {
        folder_ = RunFolder::create(output_, to_json(config, dataset));
        folder_->lock();
    }
    return *folder_;
}

bool holds_final_result(const std::filesystem::path& folder) {
    const std::filesystem::path result = folder / "result.safetensors";
    if (!std::filesystem::exists(result)) return false;
    return SafetensorsFile(result).metadata_is("finished", "true");
}

void write_factors(const std::filesystem::path& file, const SingularFactors& factors, const Dataset& dataset,
                   const std::map<std::string, std::string>& metadata,
                   const std::vector<double>* bound_logits) {
    const std::int64_t rank = factors.rank(), contexts = dataset.contexts();
    std::vector<TensorToWrite> tensors = {tensor_to_write("W", {dataset.vocab_size, rank}, factors.words),
                                          tensor_to_write("H", {contexts, rank}, factors.contexts),
                                          tensor_to_write("sigma", {rank}, factors.sigma)};
    if (bound_logits)
        tensors.push_back(tensor_to_write("bound_logits", {contexts, dataset.vocab_size}, *bound_logits));
    write_safetensors(file, tensors, metadata);
}

std::int64_t metadata_number(const SafetensorsFile& file, const std::filesystem::path& path,
                             const char* key) {
    const auto number = file.metadata_number<std::int64_t>(key);
    if (!number) throw InputError(fmt::format("{}: its metadata has no number '{}'", printable(path), key));
    return *number;
}

void require_memory(Backend& backend, std::int64_t bytes, const std::string& what) {
    const std::int64_t free = available_memory(backend);
    if (bytes > free)
        throw InputError(
            fmt::format("{} needs {} and the device {} has {} free; take fewer contexts or words", what,
                        bytes_text(bytes), backend.device(), bytes_text(free)));
}

}  // namespace ntpgeo
