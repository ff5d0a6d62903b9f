#include "host/files/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "host/files/atomic_file.hpp"
#include "host/files/checksum.hpp"
#include "host/files/file_error.hpp"
#include "host/files/input_file.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr std::uint64_t length_bytes = sizeof(std::uint64_t);

std::string written_header(const std::vector<const TensorToWrite*>& tensors,
                           const std::map<std::string, std::string>& metadata) {
    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    if (!metadata.empty()) header["__metadata__"] = metadata;
    std::uint64_t begin = 0;
    for (const TensorToWrite* tensor : tensors) {
        const std::uint64_t end = begin + tensor->bytes.size();
        header[tensor->name] = {
            {"dtype", tensor->dtype}, {"shape", tensor->shape}, {"data_offsets", {begin, end}}};
        begin = end;
    }
    std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    text.resize((text.size() + 7) / 8 * 8, ' ');
    return text;
}

void check_to_write(const std::vector<TensorToWrite>& tensors, const std::string& name) {
    std::set<std::string> names{"__metadata__"};
    for (const TensorToWrite& tensor : tensors) {
        if (tensor_bytes(tensor.dtype, tensor.shape) != tensor.bytes.size()) {
            throw Failure(fmt::format("{}: tensor '{}' does not have the bytes that its dtype and shape need",
                                      name, tensor.name));
        }
        if (!names.insert(tensor.name).second) {
            throw Failure(fmt::format("{}: the tensor name '{}' is taken", name, tensor.name));
        }
    }
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
    return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::optional<FloatFormat> float_format(const std::string& dtype) {
    if (dtype == "F16") return FloatFormat::f16;
    if (dtype == "BF16") return FloatFormat::bf16;
    if (dtype == "F32") return FloatFormat::f32;
    if (dtype == "F64") return FloatFormat::f64;
    return std::nullopt;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const std::vector<TensorToWrite>& tensors,
                       const std::map<std::string, std::string>& metadata) {
    check_to_write(tensors, printable(path));
    std::vector<const TensorToWrite*> order;
    order.reserve(tensors.size());
    for (const TensorToWrite& tensor : tensors) order.push_back(&tensor);
    std::stable_sort(order.begin(), order.end(), [](const TensorToWrite* a, const TensorToWrite* b) {
        return tensor_bytes(a->dtype, {1}) > tensor_bytes(b->dtype, {1});
    });
    const std::string header = written_header(order, metadata);
    const auto length = static_cast<std::uint64_t>(header.size());
    AtomicFile file(path);
    file.write(std::as_bytes(std::span(&length, 1)));
    file.write(header);
    for (const TensorToWrite* tensor : order) file.write(tensor->bytes);
    file.commit();
}

SafetensorsFile::SafetensorsFile(InputFile file) : file_(std::move(file)) {
    const std::string& name = file_.name();
    if (file_.size() == 0) throw InputError(fmt::format("{}: is empty; a safetensors file is needed", name));
    if (file_.size() < length_bytes + 2) {
        throw InputError(
            fmt::format("{}: is not a safetensors file: {} bytes are too few", name, file_.size()));
    }
    std::uint64_t length = 0;
    char first = 0;
    file_.read(0, std::as_writable_bytes(std::span(&length, 1)));
    file_.read(length_bytes, std::as_writable_bytes(std::span(&first, 1)));
    if (first != '{') {
        throw InputError(
            fmt::format("{}: is not a safetensors file: no JSON header follows its first 8 bytes", name));
    }
    if (length > largest_safetensors_header) {
        throw InputError(
            fmt::format("{}: is not a safetensors file: its header would have {} bytes, more than {}", name,
                        length, largest_safetensors_header));
    }
    if (length > file_.size() - length_bytes) {
        throw InputError(fmt::format("{}: truncated: its header has {} bytes, {} are there", name, length,
                                     file_.size() - length_bytes));
    }
    std::string text(length, '\0');
    file_.read(length_bytes, std::as_writable_bytes(std::span(text)));
    data_offset_ = length_bytes + length;
    SafetensorsHeader header = parse_safetensors_header(text, file_.size() - data_offset_, name);
    check_header_checksum(header, name);
    metadata_ = std::move(header.metadata);
    tensors_ = std::move(header.tensors);
}

std::string SafetensorsFile::tensor_names() const {
    if (tensors_.empty()) return "none";
    constexpr std::size_t most = 100;
    std::vector<std::string> names;
    for (const auto& [name, info] : tensors_) {
        if (names.size() == most) break;
        names.push_back(printable(std::string_view(name)));
    }
    return fmt::format("{}{}", fmt::join(names, ", "),
                       tensors_.size() > most ? fmt::format(" and {} more", tensors_.size() - most) : "");
}

const TensorInfo& SafetensorsFile::find(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
        throw InputError(fmt::format("{}: has no tensor '{}'; it holds {}", file_.name(),
                                     printable(std::string_view(name)), tensor_names()));
    }
    return found->second;
}

void SafetensorsFile::check_rank(const std::string& name, const TensorInfo& info, std::size_t rank) const {
    if (info.shape.size() == rank) return;
    throw InputError(fmt::format("{}: tensor '{}' has shape {}; it must have {} dimension{} and is {}-d",
                                 file_.name(), printable(std::string_view(name)), shape_text(info.shape),
                                 rank, rank == 1 ? "" : "s", info.shape.size()));
}

std::optional<std::string> SafetensorsFile::checksum_of(const std::string& name) const {
    const auto found = metadata_.find(checksum_key(name));
    if (found == metadata_.end()) return std::nullopt;
    return found->second;
}

template <class T>
std::vector<T> SafetensorsFile::read(const std::string& name, std::size_t rank) const {
    const TensorInfo& info = find(name);
    if (info.dtype != dtype_name<T>()) {
        throw InputError(fmt::format("{}: tensor '{}' has dtype {}; it must be {}", file_.name(),
                                     printable(std::string_view(name)), info.dtype, dtype_name<T>()));
    }
    check_rank(name, info, rank);
    std::vector<T> values((info.end - info.begin) / sizeof(T));
    file_.read(data_offset_ + info.begin, std::as_writable_bytes(std::span(values)));
    if (const auto checksum = checksum_of(name);
        checksum && *checksum != hash_of(std::as_bytes(std::span(values))))
        throw InputError(
            fmt::format("{}: the bytes of its tensor '{}' do not match their checksum: the file is damaged",
                        file_.name(), printable(std::string_view(name))));
    return values;
}

template std::vector<double> SafetensorsFile::read(const std::string&, std::size_t) const;
template std::vector<float> SafetensorsFile::read(const std::string&, std::size_t) const;
template std::vector<std::int64_t> SafetensorsFile::read(const std::string&, std::size_t) const;
template std::vector<std::int32_t> SafetensorsFile::read(const std::string&, std::size_t) const;
template std::vector<std::uint8_t> SafetensorsFile::read(const std::string&, std::size_t) const;

HostMatrix SafetensorsFile::read_matrix(const std::string& name) const {
    const TensorInfo& info = find(name);
    const auto format = float_format(info.dtype);
    if (!format) {
        throw InputError(fmt::format("{}: tensor '{}' has dtype {}; it must be F16, BF16, F32 or F64",
                                     file_.name(), printable(std::string_view(name)), info.dtype));
    }
    check_rank(name, info, 2);
    // A file that has checksums is of this program, which writes no other formats.
    if (checksum_of(name) && *format == FloatFormat::f64)
        return {info.shape[0], info.shape[1], read<double>(name, 2)};
    if (checksum_of(name) && *format == FloatFormat::f32) {
        const std::vector<float> values = read<float>(name, 2);
        return {info.shape[0], info.shape[1], {values.begin(), values.end()}};
    }
    const std::size_t count = (info.end - info.begin) / size_of(*format);
    return {info.shape[0], info.shape[1], read_widened(file_, data_offset_ + info.begin, count, *format)};
}

}  // namespace ntpgeo
