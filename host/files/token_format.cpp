#include "host/files/token_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "host/files/file_error.hpp"
#include "host/files/npy_header.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

using namespace std::string_view_literals;

/// llm.c's header: 256 int32 of which the first three say something.
struct LlmcHeader {
    std::int32_t magic, version, count;
};
constexpr std::uint64_t llmc_header_bytes = 1024;

struct LlmcKind {
    std::int32_t magic, version;
    IdType type;
};
constexpr std::array<LlmcKind, 2> llmc_kinds{{{20240520, 1, IdType::uint16}, {20240801, 7, IdType::uint32}}};

const LlmcKind* llmc_kind(std::int32_t magic) {
    const auto* const found = std::ranges::find(llmc_kinds, magic, &LlmcKind::magic);
    return found == llmc_kinds.end() ? nullptr : found;
}

/// llm.c's magics are days: 20240326, say, is that of a model.
bool is_like_llmc(const LlmcHeader& header, std::uint64_t size) {
    return size >= llmc_header_bytes && header.magic / 10000 >= 2024 && header.magic / 10000 < 2100 &&
           header.version >= 1 && header.version < 100;
}

/// The file's first bytes, as many as there are.
std::string beginning(const InputFile& file) {
    std::string bytes(std::min<std::uint64_t>(file.size(), 16), '\0');
    file.read(0, std::as_writable_bytes(std::span(bytes)));
    return bytes;
}

LlmcHeader header_in(const std::string& start) {
    LlmcHeader header{};
    std::memcpy(&header, start.data(), std::min(sizeof header, start.size()));
    return header;
}

/// What files begin with that could be taken for ids, as people know them.
constexpr std::array<std::pair<std::string_view, const char*>, 8> strangers{
    {{"PK\x03\x04"sv, "a zip archive (.npz or PyTorch's)"},
     {"\x1F\x8B\x08"sv, "compressed by gzip"},
     {"\x28\xB5\x2F\xFD"sv, "compressed by zstd"},
     {"\xFD"
      "7zXZ"sv,
      "compressed by xz"},
     {"PAR1"sv, "a Parquet file"},
     {"ARROW1"sv, "an Arrow file"},
     {"\x89"
      "HDF"sv,
      "an HDF5 file"},
     {"MMIDIDX"sv, "Megatron's index, to which a .bin belongs"}}};

TokenFormat recognised(const InputFile& file, const std::filesystem::path& path) {
    const std::string start = beginning(file);
    if (start.starts_with("\x93NUMPY")) return TokenFormat::npy;
    const LlmcHeader header = header_in(start);
    if (llmc_kind(header.magic) != nullptr) return TokenFormat::llmc;
    for (const auto& [bytes, name] : strangers)
        if (start.starts_with(bytes))
            throw InputError(
                fmt::format("{}: is {}, by its first bytes; a file of token ids is needed (raw ids are "
                            "read by --format nanogpt)",
                            file.name(), name));
    if (path.extension() != ".bin")
        throw InputError(
            fmt::format("{}: begins neither as .npy nor as llm.c's files do, and is called neither .bin nor "
                        ".idx; raw ids are read by --format nanogpt",
                        file.name()));
    if (is_megatron_index(std::filesystem::path(path).replace_extension(".idx")))
        return TokenFormat::megatron;
    if (is_like_llmc(header, file.size()))
        throw InputError(fmt::format(
            "{}: begins with {} at byte 0, as an llm.c file would that holds no tokens, or is newer "
            "than 20240520 and 20240801; raw ids are read by --format nanogpt",
            file.name(), header.magic));
    return TokenFormat::nanogpt;
}

void require_ids(const StoredIds& ids) {
    if (ids.count == 0) throw InputError(fmt::format("{}: holds no token", ids.file.name()));
}

/// uint32 read as uint16 would have a 0 behind each id. So many at the beginning are looked at.
void require_no_wider_ids(const StoredIds& ids) {
    constexpr std::uint64_t least = 64, most = 4096;
    std::vector<std::uint16_t> first(std::min<std::uint64_t>(ids.file.size() / 2, most) / 2 * 2);
    ids.file.read(0, std::as_writable_bytes(std::span(first)));
    bool all_zero = first.size() >= least;
    for (std::size_t i = 1; i < first.size(); i += 2) all_zero = all_zero && first[i] == 0;
    if (all_zero && std::ranges::any_of(first, [](std::uint16_t id) { return id != 0; }))
        throw InputError(fmt::format(
            "{}: read as uint16 every second id from byte 2 on is 0, as in a file of uint32; give "
            "--dtype uint32, or uint16 if it is so",
            ids.file.name()));
}

void read_raw(StoredIds& ids, IdType type) {
    ids.type = type == IdType::automatic ? IdType::uint16 : type;
    const std::uint64_t size = size_of(ids.type), left = ids.file.size() % size;
    if (left != 0)
        throw InputError(fmt::format(
            "{}: its {} bytes are no whole number of {} ids: from byte {} on it holds part of one; "
            "--dtype names another type",
            ids.file.name(), ids.file.size(), name_of(ids.type), ids.file.size() - left));
    ids.count = static_cast<std::int64_t>(ids.file.size() / size);
    if (type == IdType::automatic) require_no_wider_ids(ids);
}

void read_llmc(StoredIds& ids) {
    const std::string& name = ids.file.name();
    if (ids.file.size() < llmc_header_bytes)
        throw InputError(
            fmt::format("{}: truncated: an llm.c file begins with a header of {} bytes, it has {}", name,
                        llmc_header_bytes, ids.file.size()));
    const LlmcHeader header = header_in(beginning(ids.file));
    const LlmcKind* const kind = llmc_kind(header.magic);
    if (kind == nullptr)
        throw InputError(
            fmt::format("{}: its magic is {} at byte 0; llm.c's files of tokens have 20240520 or "
                        "20240801",
                        name, header.magic));
    if (header.version != kind->version)
        throw InputError(fmt::format("{}: its version is {} at byte 4; of magic {} version {} can be read",
                                     name, header.version, header.magic, kind->version));
    ids.type = kind->type;
    ids.offset = llmc_header_bytes;
    ids.count = header.count;
    const std::uint64_t held = ids.file.size() - llmc_header_bytes;
    if (header.count < 0 || held != static_cast<std::uint64_t>(header.count) * size_of(ids.type))
        throw InputError(fmt::format(
            "{}: its header says {} tokens at byte 8, which are {} bytes; from byte {} "
            "on it holds {}",
            name, header.count,
            static_cast<std::int64_t>(header.count) * static_cast<std::int64_t>(size_of(ids.type)),
            llmc_header_bytes, held));
}

/// The integers of a .npy file by its dtype: "<u2", "|i1".
void take_descr(StoredIds& ids, const std::string& descr) {
    static constexpr std::array<IdType, 8> types{IdType::uint8,  IdType::int8,   IdType::uint16,
                                                 IdType::int16,  IdType::uint32, IdType::int32,
                                                 IdType::uint64, IdType::int64};
    const auto number = npy_number(descr);
    const auto* const found = std::ranges::find_if(types, [&](IdType type) {
        return number && (number->names_order || number->bytes == 1) && number->bytes == size_of(type) &&
               name_of(type).front() == number->kind;
    });
    if (found == types.end())
        throw InputError(
            fmt::format("{}: has dtype '{}'; ids are integers of a named byte order (<u2, >i4, say)",
                        ids.file.name(), printable(std::string_view(descr))));
    ids.type = *found;
    ids.order = number->order;
}

void read_npy_ids(StoredIds& ids) {
    const NpyHeader header = read_npy_header(ids.file);
    take_descr(ids, header.descr);
    if (header.shape.size() != 1)
        throw InputError(
            fmt::format("{}: has shape {}; ids have 1 dimension", ids.file.name(), shape_text(header.shape)));
    ids.offset = header.data_offset;
    ids.count = header.shape[0];
    const std::uint64_t held = ids.file.size() - ids.offset, size = size_of(ids.type);
    if (held % size != 0 || held / size != static_cast<std::uint64_t>(ids.count))
        throw InputError(
            fmt::format("{}: its shape {} of {} is not what follows: from byte {} on it holds {} bytes",
                        ids.file.name(), shape_text(header.shape), name_of(ids.type), ids.offset, held));
}

}  // namespace

std::size_t size_of(IdType type) {
    switch (type) {
        case IdType::uint8:
        case IdType::int8:
            return 1;
        case IdType::automatic:
        case IdType::uint16:
        case IdType::int16:
            return 2;
        case IdType::uint32:
        case IdType::int32:
            return 4;
        case IdType::uint64:
        case IdType::int64:
            break;
    }
    return 8;
}

StoredIds open_ids(const std::filesystem::path& path, const TokenFileOptions& options) {
    StoredIds ids{.file = InputFile(path), .format = options.format};
    if (ids.file.size() == 0)
        throw InputError(fmt::format("{}: is empty; it holds no token", ids.file.name()));
    if (ids.format == TokenFormat::automatic) ids.format = recognised(ids.file, path);
    if (ids.format != TokenFormat::nanogpt && options.type != IdType::automatic)
        throw InputError(
            fmt::format("{}: --dtype {} is for raw ids (--format nanogpt); a file of {} says its own",
                        ids.file.name(), name_of(options.type), name_of(ids.format)));
    if (ids.format == TokenFormat::nanogpt) read_raw(ids, options.type);
    if (ids.format == TokenFormat::llmc) read_llmc(ids);
    if (ids.format == TokenFormat::megatron)
        read_megatron_index(std::filesystem::path(path).replace_extension(".idx"), ids);
    if (ids.format == TokenFormat::npy) read_npy_ids(ids);
    require_ids(ids);
    return ids;
}

}  // namespace ntpgeo
