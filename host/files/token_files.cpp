#include "host/files/token_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <limits>

#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t ids_at_once = 4096;
constexpr std::int64_t no_bound = std::numeric_limits<std::int32_t>::max();

template <class Stored>
Stored turned(Stored value) {
    std::array<std::byte, sizeof(Stored)> bytes{};
    std::memcpy(bytes.data(), &value, sizeof value);
    std::reverse(bytes.begin(), bytes.end());
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

/// An id above 2⁶³ becomes a negative number, which is refused as well.
template <class Stored>
void widen(std::span<const std::byte> source, bool is_turned, std::int64_t* target) {
    const std::size_t count = source.size() / sizeof(Stored);
    for (std::size_t i = 0; i < count; ++i) {
        Stored stored;
        std::memcpy(&stored, source.data() + i * sizeof(Stored), sizeof(Stored));
        target[i] = static_cast<std::int64_t>(is_turned ? turned(stored) : stored);
    }
}

void widen(IdType type, std::span<const std::byte> source, bool is_turned, std::int64_t* target) {
    switch (type) {
        case IdType::uint8:
            return widen<std::uint8_t>(source, is_turned, target);
        case IdType::int8:
            return widen<std::int8_t>(source, is_turned, target);
        case IdType::automatic:
        case IdType::uint16:
            return widen<std::uint16_t>(source, is_turned, target);
        case IdType::int16:
            return widen<std::int16_t>(source, is_turned, target);
        case IdType::uint32:
            return widen<std::uint32_t>(source, is_turned, target);
        case IdType::int32:
            return widen<std::int32_t>(source, is_turned, target);
        case IdType::uint64:
            return widen<std::uint64_t>(source, is_turned, target);
        case IdType::int64:
            return widen<std::int64_t>(source, is_turned, target);
    }
}

[[noreturn]] void refuse_id(const StoredIds& ids, std::int64_t place, std::int64_t id, std::int64_t bound) {
    const std::string spelled = ids.type == IdType::uint64 ? fmt::format("{}", static_cast<std::uint64_t>(id))
                                                           : fmt::format("{}", id);
    const std::uint64_t byte = ids.offset + static_cast<std::uint64_t>(place) * size_of(ids.type);
    throw InputError(
        fmt::format("{}: token {} at byte {} is {}; ids are {} ({})", ids.file.name(), place, byte, spelled,
                    bound == no_bound ? std::string("whole numbers from 0 to 2147483646")
                                      : fmt::format("below {}, the size of the vocabulary", bound),
                    "read as " + name_of(ids.type)));
}

}  // namespace

TokenFiles::TokenFiles(const std::vector<std::filesystem::path>& paths, const TokenFileOptions& options)
    : end_of_text_(options.end_of_text), bound_(no_bound) {
    const auto end_document = [&] {
        if (starts_.back() > (document_ends_.empty() ? 0 : document_ends_.back()))
            document_ends_.push_back(starts_.back());
    };
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
    std::array<std::int64_t, ids_at_once> wide;
    const bool has_end = end_of_text_.has_value();
    const std::int64_t end_of_text = end_of_text_.value_or(0);
    while (!out.empty()) {
        const std::size_t count = std::min<std::size_t>(out.size(), ids_at_once);
        const std::span<std::byte> bytes = std::span(buffer).first(count * size);
        ids.file.read(ids.offset + static_cast<std::uint64_t>(begin) * size, bytes);
        widen(ids.type, bytes, ids.order != std::endian::native, wide.data());
        std::int64_t greatest = -1, ends = 0;
        bool all_right = true;
        for (std::size_t i = 0; i < count; ++i) {
            const std::int64_t id = wide[i];
            const bool ends_text = has_end && id == end_of_text;
            all_right = all_right && (ends_text || (id >= 0 && id < bound_));
            greatest = std::max(greatest, id);
            ends += ends_text ? 1 : 0;
            out[i] = ends_text ? -1 : static_cast<std::int32_t>(id);
        }
        for (std::size_t i = 0; i < count && !all_right; ++i)
            if (wide[i] != end_of_text_ && (wide[i] < 0 || wide[i] >= bound_))
                refuse_id(ids, begin + static_cast<std::int64_t>(i), wide[i], bound_);
        survey.greatest = std::max(survey.greatest, greatest);
        survey.ends_of_text += ends;
        out = out.subspan(count);
        begin += static_cast<std::int64_t>(count);
    }
}

IdSurvey TokenFiles::survey(std::optional<std::int64_t> vocab_size) {
    bound_ = vocab_size.value_or(no_bound);
    IdSurvey survey;
    std::vector<std::int32_t> stretch(static_cast<std::size_t>(1) << 18);
    for (std::size_t file = 0; file < files_.size(); ++file) {
        const std::int64_t count = files_[file].count;
        for (std::int64_t begin = 0; begin < count; begin += static_cast<std::int64_t>(stretch.size()))
            read_from(file, begin,
                      std::span(stretch).first(
                          std::min<std::size_t>(stretch.size(), static_cast<std::size_t>(count - begin))),
                      survey);
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
