// The safetensors format: an 8-byte little-endian header length, a JSON header, then raw little-endian
// tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/settings/parse_number.hpp"
#include "host/files/input_file.hpp"
#include "host/files/matrix_file.hpp"

namespace ntpgeo {

/// The format's name of a C++ type: "F64", "F32", "I64", "I32" or "U8".
template <class T>
constexpr const char* dtype_name() {
    if constexpr (std::is_same_v<T, double>) return "F64";
    if constexpr (std::is_same_v<T, float>) return "F32";
    if constexpr (std::is_same_v<T, std::int64_t>) return "I64";
    if constexpr (std::is_same_v<T, std::int32_t>) return "I32";
    if constexpr (std::is_same_v<T, std::uint8_t>) return "U8";
}

/// One tensor to be written: raw row-major bytes of `dtype`, borrowed from the caller.
struct TensorToWrite {
    std::string name;
    std::string dtype;
    std::vector<std::int64_t> shape;
    std::span<const std::byte> bytes;
};

/// The tensor `name` over `values`, which are borrowed and must outlive the writing.
template <class T>
TensorToWrite tensor_to_write(std::string name, std::vector<std::int64_t> shape,
                              const std::vector<T>& values) {
    return {std::move(name), dtype_name<T>(), std::move(shape), std::as_bytes(std::span(values))};
}

/// Writes tensors with string metadata, atomically. Wide elements are laid out first (in the order given
/// where equal) and the data section begins at a multiple of 8 bytes, so every tensor starts aligned to its
/// element. Bytes of the metadata that are not UTF-8 become U+FFFD. Throws Failure where a tensor's bytes do
/// not fill its shape or a name occurs twice, and Failure or InputError as AtomicFile does.
void write_safetensors(const std::filesystem::path& path, const std::vector<TensorToWrite>& tensors,
                       const std::map<std::string, std::string>& metadata);

/// `metadata` and the checksums of a file that is made of it and of `tensors` (design 2.2): under
/// "checksum.NAME" that of the bytes of each tensor, under "checksum" that of all other metadata, of the
/// names, dtypes and shapes. SafetensorsFile holds what it reads against them; to other readers they are
/// metadata like any.
std::map<std::string, std::string> with_checksums(const std::vector<TensorToWrite>& tensors,
                                                  std::map<std::string, std::string> metadata);

/// A tensor's place in an opened file.
struct TensorInfo {
    std::string dtype;
    std::vector<std::int64_t> shape;
    std::uint64_t begin = 0, end = 0;  ///< byte range in the data section
};

/// A file opened for reading: its header is checked in full (length, JSON, dtypes, shapes against byte
/// ranges, no name twice, no gaps, no overlaps, no trailing bytes, its checksum where it has one) before any
/// tensor is given out, and a tensor's bytes against their checksum when they are read, which is once.
class SafetensorsFile {
  public:
    /// Throws InputError, one line with the path, for anything that is not a well-formed safetensors file,
    /// and for one that is damaged, which its checksum tells.
    explicit SafetensorsFile(const std::filesystem::path& path) : SafetensorsFile(InputFile(path)) {}
    explicit SafetensorsFile(InputFile file);

    [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return metadata_; }
    /// Whether the metadata has this value under `key`.
    [[nodiscard]] bool metadata_is(const std::string& key, std::string_view value) const {
        const auto found = metadata_.find(key);
        return found != metadata_.end() && found->second == value;
    }
    /// The metadata's number under `key`; empty where there is none, or none of T's kind.
    template <class T>
    [[nodiscard]] std::optional<T> metadata_number(const std::string& key) const {
        const auto found = metadata_.find(key);
        T value{};
        if (found == metadata_.end() || !parse_number(found->second, value)) return std::nullopt;
        return value;
    }
    [[nodiscard]] const std::map<std::string, TensorInfo>& tensors() const { return tensors_; }
    [[nodiscard]] bool has(const std::string& name) const { return tensors_.contains(name); }

    /// The tensors' names in their order for a message, as far as 100 of them: "H, W"; "none" without any.
    [[nodiscard]] std::string tensor_names() const;

    /// Place and shape of a tensor. Throws InputError where the file has none of that name.
    [[nodiscard]] const TensorInfo& find(const std::string& name) const;

    /// Where the tensor's bytes begin in the file.
    [[nodiscard]] std::uint64_t offset_of(const TensorInfo& tensor) const {
        return data_offset_ + tensor.begin;
    }

    /// The tensor's values; its dtype must be that of T exactly (double F64, float F32, int64 I64, int32 I32,
    /// uint8 U8) and its rank `rank`. Throws InputError naming the tensor otherwise, and where its bytes are
    /// not those of its checksum.
    template <class T>
    [[nodiscard]] std::vector<T> read(const std::string& name, std::size_t rank) const;

    /// A rank-2 floating tensor (F16, BF16, F32, F64) converted to double exactly. Throws InputError naming
    /// the tensor where it is anything else, and where its bytes are not those of its checksum.
    [[nodiscard]] HostMatrix read_matrix(const std::string& name) const;

  private:
    void check_rank(const std::string& name, const TensorInfo& info, std::size_t rank) const;
    [[nodiscard]] std::optional<std::string> checksum_of(const std::string& name) const;

    InputFile file_;
    std::uint64_t data_offset_ = 0;
    std::map<std::string, std::string> metadata_;
    std::map<std::string, TensorInfo> tensors_;
};

struct SafetensorsHeader {
    std::map<std::string, std::string> metadata;
    std::map<std::string, TensorInfo> tensors;
};

/// The largest header that is read, as in the reference implementation.
constexpr std::uint64_t largest_safetensors_header = 100'000'000;

/// Bytes of a tensor; nothing where the dtype is unknown, a dimension negative, the size above 2^63 − 1 bits
/// or no whole number of bytes.
std::optional<std::uint64_t> tensor_bytes(const std::string& dtype, const std::vector<std::int64_t>& shape);

/// Parses the header `text` of the file that messages call `name`, whose data section has `data_size` bytes.
/// A "__metadata__" of null is one of no entries.
/// Throws InputError unless the tensors fill that section exactly, without gap or overlap.
SafetensorsHeader parse_safetensors_header(const std::string& text, std::uint64_t data_size,
                                           const std::string& name);

/// Throws InputError where the header has a checksum and is not what that is of, or has only tensors'
/// checksums.
void check_header_checksum(const SafetensorsHeader& header, const std::string& name);

/// The key of a tensor's checksum in the metadata.
std::string checksum_key(const std::string& tensor);

}  // namespace ntpgeo
