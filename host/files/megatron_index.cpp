// The index of a Megatron data set: what the ids in the .bin beside it are, and where sequences and documents
// begin.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "host/files/token_format.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view magic = "MMIDIDX\0\0"sv, older_magic = "TNTIDX\0\0"sv;
constexpr std::uint64_t version_at = 9, type_at = 17, sequences_at = 18, documents_at = 26, lengths_at = 34;

/// By the code that the index has, from 1 on.
constexpr std::array<IdType, 8> types{IdType::uint8, IdType::int8,      IdType::int16,     IdType::int32,
                                      IdType::int64, IdType::automatic, IdType::automatic, IdType::uint16};

template <class T>
T number_at(const InputFile& file, std::uint64_t offset) {
    T value{};
    file.read(offset, std::as_writable_bytes(std::span(&value, 1)));
    return value;
}

template <class T>
std::vector<T> numbers_at(const InputFile& file, std::uint64_t offset, std::uint64_t count) {
    std::vector<T> values(count);
    file.read(offset, std::as_writable_bytes(std::span(values)));
    return values;
}

void check_magic(const InputFile& file) {
    std::string start(std::min<std::uint64_t>(file.size(), magic.size()), '\0');
    file.read(0, std::as_writable_bytes(std::span(start)));
    if (start.starts_with(older_magic))
        throw InputError(
            fmt::format("{}: is an index of fairseq's older kind (TNTIDX); that of Megatron's mmap "
                        "data sets can be read",
                        file.name()));
    if (start != magic)
        throw InputError(fmt::format(
            "{}: does not begin with MMIDIDX at byte 0; it is no index of Megatron's", file.name()));
    if (file.size() < lengths_at)
        throw InputError(fmt::format("{}: truncated: an index has a header of {} bytes, it has {}",
                                     file.name(), lengths_at, file.size()));
    const auto version = number_at<std::uint64_t>(file, version_at);
    if (version != 1)
        throw InputError(
            fmt::format("{}: its version is {} at byte {}; 1 can be read", file.name(), version, version_at));
}

IdType read_type(const InputFile& file) {
    const auto code = number_at<std::uint8_t>(file, type_at);
    if (code < 1 || code > types.size() || types.at(code - 1U) == IdType::automatic)
        throw InputError(fmt::format("{}: its dtype is {} at byte {}; ids are integers (1 to 5, or 8)",
                                     file.name(), code, type_at));
    return types.at(code - 1U);
}

/// Tokens before each sequence, and all of them at the end. [sequences + 1]
std::vector<std::int64_t> read_starts(const InputFile& file, std::uint64_t sequences, std::int64_t size) {
    const auto lengths = numbers_at<std::int32_t>(file, lengths_at, sequences);
    const std::uint64_t pointers_at = lengths_at + sequences * sizeof(std::int32_t);
    const auto pointers = numbers_at<std::int64_t>(file, pointers_at, sequences);
    std::vector<std::int64_t> starts{0};
    starts.reserve(sequences + 1);
    for (std::uint64_t i = 0; i < sequences; ++i) {
        if (lengths[i] < 0)
            throw InputError(fmt::format("{}: sequence {} has a length of {} at byte {}", file.name(), i,
                                         lengths[i], lengths_at + i * sizeof(std::int32_t)));
        if (pointers[i] != starts.back() * size)
            throw InputError(fmt::format(
                "{}: sequence {} begins at byte {} by byte {}; behind the ones before it is {}", file.name(),
                i, pointers[i], pointers_at + i * sizeof(std::int64_t), starts.back() * size));
        starts.push_back(starts.back() + lengths[i]);
    }
    return starts;
}

}  // namespace

void read_megatron_index(const std::filesystem::path& path, StoredIds& data) {
    const InputFile file(path);
    check_magic(file);
    data.type = read_type(file);
    const auto sequences = number_at<std::uint64_t>(file, sequences_at);
    const auto documents = number_at<std::uint64_t>(file, documents_at);
    const std::uint64_t held = file.size() - lengths_at;
    // 4 + 8 bytes a sequence, 8 a document; of what is no text alone, a byte a sequence more.
    const bool fits = sequences <= held / 12 && documents <= (held - 12 * sequences) / 8;
    const std::uint64_t left = fits ? held - 12 * sequences - 8 * documents : 1;
    if (!fits || (left != 0 && left != sequences))
        throw InputError(
            fmt::format("{}: {} sequences (byte {}) and {} documents (byte {}) are not what its {} "
                        "bytes hold",
                        file.name(), sequences, sequences_at, documents, documents_at, file.size()));

    const std::vector<std::int64_t> starts =
        read_starts(file, sequences, static_cast<std::int64_t>(size_of(data.type)));
    data.count = starts.back();
    const std::uint64_t wanted = static_cast<std::uint64_t>(data.count) * size_of(data.type);
    if (wanted != data.file.size())
        throw InputError(
            fmt::format("{}: does not match {}: its sequences have {} tokens, {} bytes, and the "
                        ".bin holds {}",
                        file.name(), data.file.name(), data.count, wanted, data.file.size()));

    const std::uint64_t edges_at = lengths_at + 12 * sequences;
    const auto edges = numbers_at<std::int64_t>(file, edges_at, documents);
    std::int64_t before = 0;
    for (std::uint64_t i = 0; i < documents; ++i) {
        const std::int64_t edge = edges[i];
        const bool right =
            i == 0 ? edge == 0 : edge >= before && edge < static_cast<std::int64_t>(starts.size());
        if (!right)
            throw InputError(fmt::format("{}: document {} is to begin with sequence {} at byte {}, of {}",
                                         file.name(), i, edge, edges_at + i * sizeof(std::int64_t),
                                         sequences));
        before = edge;
        const std::int64_t end = starts[static_cast<std::size_t>(edge)];
        if (end > (data.document_ends.empty() ? 0 : data.document_ends.back()))
            data.document_ends.push_back(end);
    }
    if (before != static_cast<std::int64_t>(sequences))
        throw InputError(fmt::format(
            "{}: its documents end with sequence {}, of {}: at byte {} should be {}", file.name(), before,
            sequences, edges_at + (documents == 0 ? 0 : documents - 1) * sizeof(std::int64_t), sequences));
}

bool is_megatron_index(const std::filesystem::path& path) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) return false;
    const InputFile file(path);
    std::string start(std::min<std::uint64_t>(file.size(), magic.size()), '\0');
    file.read(0, std::as_writable_bytes(std::span(start)));
    return start == magic || start.starts_with(older_magic);
}

}  // namespace ntpgeo
