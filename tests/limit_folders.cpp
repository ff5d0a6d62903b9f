#include "tests/limit_folders.hpp"

#include <nlohmann/json.hpp>

#include "host/files/dataset_file.hpp"
#include "host/files/safetensors.hpp"
#include "tests/host/files/scratch.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {

void write_limit_result(const std::filesystem::path& folder, const Dataset& data, const LimitFolder& made) {
    const std::int64_t vocab = made.words_rows > 0 ? made.words_rows : data.vocab_size,
                       contexts = made.contexts_rows > 0 ? made.contexts_rows : data.contexts();
    std::vector<double> words = random_values(vocab * made.words_rank, 1, made.seed);
    for (std::int64_t k = 0; k < made.words_rank; ++k) {
        double mean = 0;
        for (std::int64_t v = 0; v < vocab; ++v)
            mean += words[v * made.words_rank + k] / static_cast<double>(vocab);
        for (std::int64_t v = 0; v < vocab; ++v) words[v * made.words_rank + k] -= mean;
    }
    if (made.value != 0) words[0] = made.value;
    const std::vector<double> h = random_values(contexts * made.contexts_rank, 1, made.seed + 1),
                              sigma(static_cast<std::size_t>(made.sigma_rank), 1.0);
    write_safetensors(folder / "result.safetensors",
                      {tensor_to_write("W", {vocab, made.words_rank}, words),
                       tensor_to_write("H", {contexts, made.contexts_rank}, h),
                       tensor_to_write("sigma", {made.sigma_rank}, sigma)},
                      made.metadata);
}

std::filesystem::path make_limit_folder(const std::filesystem::path& folder, const std::string& data_path,
                                        const LimitFolder& made) {
    std::filesystem::create_directory(folder);
    const nlohmann::ordered_json config = {
        {"format", "ntpgeo.config.1"},
        {"command", made.command},
        {"dataset", {{"path", data_path}, {"hash", content_hash(read_dataset(data_path))}}},
        {"tol", 1e-6}};
    write_raw(folder / "config.json", config.dump(2) + "\n");
    write_raw(folder / "metrics.jsonl", "");
    write_limit_result(folder, read_dataset(data_path), made);
    return folder;
}

}  // namespace ntpgeo
