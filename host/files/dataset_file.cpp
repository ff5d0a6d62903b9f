#include "host/files/dataset_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/settings/parse_number.hpp"
#include "host/files/atomic_file.hpp"
#include "host/files/checksum.hpp"
#include "host/files/file_error.hpp"
#include "host/files/input_file.hpp"
#include "host/files/safetensors.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr const char* format_name = "ntpgeo.dataset.1";
constexpr const char* contents_beginning = "contents:";

std::optional<std::string> metadata_value(const SafetensorsFile& file, const std::string& key) {
    const auto found = file.metadata().find(key);
    if (found == file.metadata().end()) return std::nullopt;
    return found->second;
}

// A metadata number: decimal digits alone, at least `least` and below 2^31 (tokens and their places are I32).
std::int64_t metadata_whole_number(const std::string& text, std::int64_t least, const std::string& where) {
    std::int64_t value = -1;
    if (!parse_number(text, value) || value < least || value > INT32_MAX) {
        throw InputError(fmt::format("{} is '{}'; it must be a whole number from {} to {}", where,
                                     printable(std::string_view(text)), least, INT32_MAX));
    }
    return value;
}

void check_format(const SafetensorsFile& file, const std::string& name) {
    const auto format = metadata_value(file, "format");
    if (!format) {
        throw InputError(fmt::format("{}: is not a dataset: its metadata has no 'format', which must be '{}'",
                                     name, format_name));
    }
    if (*format != format_name) {
        throw InputError(fmt::format("{}: is not a dataset: its metadata 'format' is '{}'; it must be '{}'",
                                     name, printable(std::string_view(*format)), format_name));
    }
}

std::int64_t read_vocab_size(const SafetensorsFile& file, const std::string& name) {
    const auto text = metadata_value(file, "vocab_size");
    if (!text) throw InputError(fmt::format("{}: its metadata has no 'vocab_size'", name));
    return metadata_whole_number(*text, 1, fmt::format("{}: the metadata 'vocab_size'", name));
}

// In memory an empty vector means that nothing is known, so a present tensor is held to its length here.
void require_length(const SafetensorsFile& file, const char* tensor, std::int64_t expected,
                    const char* reason, const std::string& name) {
    const std::int64_t length = file.find(tensor).shape[0];
    if (length != expected) {
        throw InputError(fmt::format("{}: tensor '{}' has length {}; it must have {} ({})", name, tensor,
                                     length, expected, reason));
    }
}

void read_context_tokens(const SafetensorsFile& file, const std::string& name, Dataset& dataset) {
    const auto text = metadata_value(file, "context_length");
    if (text) {
        dataset.context_length =
            metadata_whole_number(*text, 0, fmt::format("{}: the metadata 'context_length'", name));
    }
    if (!file.has("context_tokens")) return;
    dataset.context_tokens = file.read<std::int32_t>("context_tokens", 2);
    require_length(file, "context_tokens", dataset.contexts(), "one row a context", name);
    const std::int64_t columns = file.find("context_tokens").shape[1];
    if (columns == 0) throw InputError(fmt::format("{}: tensor 'context_tokens' has no column", name));
    if (text && dataset.context_length != columns) {
        throw InputError(
            fmt::format("{}: the metadata 'context_length' is {}, but 'context_tokens' has {} columns", name,
                        dataset.context_length, columns));
    }
    dataset.context_length = columns;
}

void read_vocab(const SafetensorsFile& file, const std::string& name, Dataset& dataset) {
    if (!file.has("vocab_bytes") && !file.has("vocab_offsets")) return;
    const auto bytes = file.read<std::uint8_t>("vocab_bytes", 1);
    const auto offsets = file.read<std::int64_t>("vocab_offsets", 1);
    require_length(file, "vocab_offsets", dataset.vocab_size + 1, "vocab_size + 1", name);
    if (offsets.front() != 0 || offsets.back() != static_cast<std::int64_t>(bytes.size())) {
        throw InputError(
            fmt::format("{}: tensor 'vocab_offsets' runs from {} to {}; it must run from 0 to {}, "
                        "the length of 'vocab_bytes'",
                        name, offsets.front(), offsets.back(), bytes.size()));
    }
    const auto drop = std::adjacent_find(offsets.begin(), offsets.end(), std::greater<>());
    if (drop != offsets.end()) {
        throw InputError(fmt::format("{}: tensor 'vocab_offsets' decreases at token {}; it must not decrease",
                                     name, drop - offsets.begin()));
    }
    dataset.vocab.reserve(static_cast<std::size_t>(dataset.vocab_size));
    for (std::size_t token = 0; token + 1 < offsets.size(); ++token) {
        dataset.vocab.emplace_back(bytes.begin() + offsets[token], bytes.begin() + offsets[token + 1]);
    }
}

/// A data set's tensors, and its metadata but for where it came from, as a file holds them. Borrows from the
/// data set.
struct StoredDataset {
    explicit StoredDataset(const Dataset& dataset);
    StoredDataset(const StoredDataset&) = delete;
    StoredDataset& operator=(const StoredDataset&) = delete;

    std::vector<TensorToWrite> tensors;
    std::map<std::string, std::string> metadata;

  private:
    std::vector<std::uint8_t> vocab_bytes_;
    std::vector<std::int64_t> vocab_offsets_{0};
};

StoredDataset::StoredDataset(const Dataset& dataset)
    : metadata{{"format", format_name}, {"vocab_size", fmt::to_string(dataset.vocab_size)}} {
    const std::int64_t contexts = dataset.contexts();
    if (dataset.context_length > 0) metadata["context_length"] = fmt::to_string(dataset.context_length);
    tensors = {tensor_to_write("indptr", {contexts + 1}, dataset.indptr),
               tensor_to_write("indices", {dataset.nnz()}, dataset.indices),
               tensor_to_write("probs", {dataset.nnz()}, dataset.probs),
               tensor_to_write("context_probs", {contexts}, dataset.context_probs)};
    if (!dataset.counts.empty()) {
        tensors.push_back(tensor_to_write("counts", {dataset.nnz()}, dataset.counts));
    }
    if (!dataset.context_tokens.empty()) {
        tensors.push_back(
            tensor_to_write("context_tokens", {contexts, dataset.context_length}, dataset.context_tokens));
    }
    if (dataset.vocab.empty()) return;
    for (const std::string& token : dataset.vocab) {
        vocab_bytes_.insert(vocab_bytes_.end(), token.begin(), token.end());
        vocab_offsets_.push_back(static_cast<std::int64_t>(vocab_bytes_.size()));
    }
    tensors.push_back(tensor_to_write("vocab_bytes", {vocab_offsets_.back()}, vocab_bytes_));
    tensors.push_back(tensor_to_write("vocab_offsets", {dataset.vocab_size + 1}, vocab_offsets_));
}

}  // namespace

Dataset read_dataset(const std::filesystem::path& path) {
    const SafetensorsFile file(path);
    const std::string name = printable(path);
    check_format(file, name);
    Dataset dataset;
    dataset.vocab_size = read_vocab_size(file, name);
    dataset.indptr = file.read<std::int64_t>("indptr", 1);
    dataset.indices = file.read<std::int32_t>("indices", 1);
    dataset.probs = file.read<double>("probs", 1);
    dataset.context_probs = file.read<double>("context_probs", 1);
    if (file.has("counts")) {
        dataset.counts = file.read<std::int64_t>("counts", 1);
        require_length(file, "counts", dataset.nnz(), "as 'indices'", name);
    }
    read_context_tokens(file, name, dataset);
    read_vocab(file, name, dataset);
    dataset.source = metadata_value(file, "source").value_or("");
    check_dataset(dataset, name);
    return dataset;
}

bool may_become_dataset(const std::filesystem::path& path) {
    constexpr std::size_t longest_header = 1 << 16, length_bytes = 8;
    const std::string text = beginning_of(path, longest_header);
    return text.empty() || (text.substr(0, length_bytes + 1).ends_with('{') && text.size() > length_bytes &&
                            text.find(format_name) != std::string::npos);
}

void write_dataset(const std::filesystem::path& path, const Dataset& dataset) {
    const StoredDataset stored(dataset);
    std::map<std::string, std::string> metadata = stored.metadata;
    metadata["source"] = dataset.source;
    write_safetensors(path, stored.tensors, metadata);
}

std::string content_hash(const Dataset& dataset) {
    const StoredDataset stored(dataset);
    return contents_beginning + with_checksums(stored.tensors, stored.metadata).at("checksum");
}

bool is_content_hash(std::string_view hash) {
    return hash.starts_with(contents_beginning);
}

bool names_contents(const std::string& hash, const std::string& contents, const std::filesystem::path& path) {
    return hash == contents || (!hash.empty() && !is_content_hash(hash) && hash == file_hash(path));
}

}  // namespace ntpgeo
