#include "host/files/token_files.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t ids_at_once = 4096;
constexpr std::int64_t no_bound = std::numeric_limits<std::int32_t>::max();

/// What ids are held against.
struct Limits {
    std::int64_t bound;  ///< they are below it
    std::optional<std::int64_t> end_of_text;
};

/// What a stretch of ids has shown.
struct Look {
    std::int64_t greatest = -1, ends_of_text = 0;
    std::int64_t first_wrong = -1;  ///< its place; −1: there is none
};

/// Ids of a type as the numbers that they are, and what they are. Arithmetic is as narrow as it may be, so
/// that it goes several at a time. An id of 2⁶³ or more becomes a negative number, which is refused as well.
template <class Stored>
Look take(std::span<const std::byte> source, const Limits& limits, std::span<std::int32_t> out) {
    using Wide = std::conditional_t<sizeof(Stored) <= 2, std::int32_t, std::int64_t>;
    constexpr std::int64_t widest = std::numeric_limits<Wide>::max();
    const bool has_end = limits.end_of_text && *limits.end_of_text <= widest;
    const auto end_of_text = static_cast<Wide>(has_end ? *limits.end_of_text : 0);
    const auto bound = static_cast<Wide>(std::min(limits.bound, widest));
    const auto id_at = [&](std::size_t i) {
        Stored stored;
        std::memcpy(&stored, source.data() + i * sizeof(Stored), sizeof(Stored));
        return static_cast<Wide>(stored);
    };
    const auto is_wrong = [&](Wide id, bool ends) { return (!ends) & ((id < 0) | (id >= bound)); };
    Wide greatest = -1, ends_of_text = 0;
    unsigned wrong = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const Wide id = id_at(i);
        const bool ends = has_end & (id == end_of_text);
        wrong |= is_wrong(id, ends) ? 1U : 0U;
        greatest = std::max(greatest, id);
        ends_of_text += ends ? 1 : 0;
        out[i] = ends ? -1 : static_cast<std::int32_t>(id);
    }
    Look look{.greatest = greatest, .ends_of_text = ends_of_text};
    for (std::size_t i = 0; wrong != 0 && look.first_wrong < 0; ++i)
        if (is_wrong(id_at(i), has_end & (id_at(i) == end_of_text)))
            look.first_wrong = static_cast<std::int64_t>(i);
    return look;
}

Look take(IdType type, std::span<const std::byte> source, const Limits& limits, std::span<std::int32_t> out) {
    switch (type) {
        case IdType::uint8:
            return take<std::uint8_t>(source, limits, out);
        case IdType::int8:
            return take<std::int8_t>(source, limits, out);
        case IdType::automatic:
        case IdType::uint16:
            return take<std::uint16_t>(source, limits, out);
        case IdType::int16:
            return take<std::int16_t>(source, limits, out);
        case IdType::uint32:
            return take<std::uint32_t>(source, limits, out);
        case IdType::int32:
            return take<std::int32_t>(source, limits, out);
        case IdType::uint64:
            return take<std::uint64_t>(source, limits, out);
        case IdType::int64:
            break;
    }
    return take<std::int64_t>(source, limits, out);
}

/// The number in these bytes, as messages have it.
std::string spelled_id(IdType type, std::span<const std::byte> bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
        value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
    const bool has_sign = name_of(type).starts_with("int");
    const unsigned spare = static_cast<unsigned>(64 - 8 * bytes.size());
    return has_sign ? fmt::format("{}", static_cast<std::int64_t>(value << spare) >> spare)
                    : fmt::format("{}", value);
}

/// Lets the process have so many more files open, as far as it may allow itself.
void allow_open_files(std::size_t more) {
    constexpr rlim_t others = 64;
    struct rlimit limit {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= more + others) return;
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, more + others);
    ::setrlimit(RLIMIT_NOFILE, &limit);  // where it is refused, the file that is one too many says so
}

[[noreturn]] void refuse_id(const StoredIds& ids, std::int64_t place, const std::string& id,
                            std::int64_t bound) {
    throw InputError(
        fmt::format("{}: token {} at byte {} is {}; ids are {} (read as {})", ids.file.name(), place,
                    ids.offset + static_cast<std::uint64_t>(place) * size_of(ids.type), id,
                    bound == no_bound ? std::string("whole numbers from 0 to 2147483646")
                                      : fmt::format("below {}, the size of the vocabulary", bound),
                    name_of(ids.type)));
}

}  // namespace

TokenFiles::TokenFiles(const std::vector<std::filesystem::path>& paths, const TokenFileOptions& options)
    : end_of_text_(options.end_of_text), bound_(no_bound) {
    const auto end_document = [&] {
        if (starts_.back() > (document_ends_.empty() ? 0 : document_ends_.back()))
            document_ends_.push_back(starts_.back());
    };
    allow_open_files(paths.size());
    for (const std::filesystem::path& path : paths) {
        StoredIds ids = open_ids(path, options);
        if (!ids.document_ends.empty()) end_document();
        for (const std::int64_t end : ids.document_ends) document_ends_.push_back(starts_.back() + end);
        starts_.push_back(starts_.back() + ids.count);
        files_.push_back(std::move(ids));
    }
    end_document();
}

void TokenFiles::read_from(std::size_t file, std::int64_t begin, std::span<std::int32_t> out,
                           IdSurvey& survey) const {
    const StoredIds& ids = files_[file];
    const std::size_t size = size_of(ids.type);
    std::array<std::byte, ids_at_once * sizeof(std::int64_t)> buffer;
    while (!out.empty()) {
        const std::size_t count = std::min<std::size_t>(out.size(), buffer.size() / size);
        const std::span<std::byte> bytes = std::span(buffer).first(count * size);
        ids.file.read(ids.offset + static_cast<std::uint64_t>(begin) * size, bytes);
        if (ids.order != std::endian::native) swap_bytes(bytes, size);
        const Look look = take(ids.type, bytes, {bound_, end_of_text_}, out.first(count));
        if (look.first_wrong >= 0)
            refuse_id(
                ids, begin + look.first_wrong,
                spelled_id(ids.type, bytes.subspan(static_cast<std::size_t>(look.first_wrong) * size, size)),
                bound_);
        survey.greatest = std::max(survey.greatest, look.greatest);
        survey.ends_of_text += look.ends_of_text;
        out = out.subspan(count);
        begin += static_cast<std::int64_t>(count);
    }
}

IdSurvey TokenFiles::survey(std::optional<std::int64_t> vocab_size,
                            const std::function<void(const CountingProgress&)>& progress) {
    bound_ = vocab_size.value_or(no_bound);
    IdSurvey survey;
    std::vector<std::int32_t> stretch(static_cast<std::size_t>(1) << 18);
    for (std::size_t file = 0; file < files_.size(); ++file) {
        const std::int64_t count = files_[file].count;
        for (std::int64_t begin = 0; begin < count; begin += static_cast<std::int64_t>(stretch.size())) {
            if (progress) progress({"looking at the ids", "tokens", starts_[file] + begin, size()});
            read_from(file, begin,
                      std::span(stretch).first(
                          std::min<std::size_t>(stretch.size(), static_cast<std::size_t>(count - begin))),
                      survey);
        }
    }
    bound_ = vocab_size.value_or(survey.greatest + 1);
    return survey;
}

void TokenFiles::read(std::int64_t begin, std::span<std::int32_t> out) const {
    IdSurvey ignored;
    while (!out.empty()) {
        const auto file = static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), begin) -
                                                   starts_.begin() - 1);
        const auto here =
            std::min<std::size_t>(out.size(), static_cast<std::size_t>(starts_[file + 1] - begin));
        read_from(file, begin - starts_[file], out.first(here), ignored);
        out = out.subspan(here);
        begin += static_cast<std::int64_t>(here);
    }
}

}  // namespace ntpgeo
