// cudaMemcpy* and cudaMemset*, against the vendor's prototypes. The host's side follows the vendor's rules
// where a program may rely on them (pageable memory has been read when an upload returns) and is stricter
// where design 4.5 is: what a download writes is poison until the program synchronises.
#include <cuda_runtime_api.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "arena.hpp"
#include "devices.hpp"
#include "fault.hpp"
#include "pinned.hpp"
#include "streams.hpp"

namespace emulated_device {
namespace {

/// `rows` rows of `bytes`, `pitch` apart.
struct Rows {
    char* start;
    std::size_t pitch, bytes, rows;

    [[nodiscard]] char* row(std::size_t i) const { return start + i * pitch; }
    [[nodiscard]] std::size_t extent() const {
        return rows == 0 || bytes == 0 ? 0 : (rows - 1) * pitch + bytes;
    }
};

void copy_rows(const Rows& to, const Rows& from) {
    for (std::size_t i = 0; i < to.rows; ++i) std::memcpy(to.row(i), from.row(i), to.bytes);
}

void poison_rows(const Rows& rows) {
    for (std::size_t i = 0; i < rows.rows; ++i) std::memset(rows.row(i), 0xff, rows.bytes);
}

bool device_side(const Rows& rows, bool declared, const std::string& name, const char* side) {
    if (!declared && Arena::instance().contains(rows.start))
        fault(name + ": the " + side + " " + hexadecimal(rows.start) +
              " is device memory, the kind says host");
    return declared;
}

/// An upload of pageable memory has been staged when the call returns; pinned memory, and everything in a
/// captured graph, is read when the copy runs.
std::shared_ptr<std::vector<char>> staged(const Rows& from, bool captured) {
    if (captured || is_pinned(from.start, from.extent())) return nullptr;
    auto copy = std::make_shared<std::vector<char>>(from.bytes * from.rows);
    copy_rows({copy->data(), from.bytes, from.bytes, from.rows}, from);
    return copy;
}

Request request_of(const Rows& rows, bool to_device, bool from_device) {
    Request request{.kind = !to_device    ? Request::Kind::down
                            : from_device ? Request::Kind::within
                                          : Request::Kind::up};
    request.launch.kernel = "copy";
    request.bytes = static_cast<std::int64_t>(rows.bytes * rows.rows);
    return request;
}

cudaError_t copy(const std::string& name, const Rows& to, Rows from, cudaMemcpyKind kind,
                 cudaStream_t stream) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    if (to.bytes == 0 || to.rows == 0) return cudaSuccess;
    if (to.rows > 1 && (to.bytes > to.pitch || from.bytes > from.pitch))
        return reported(cudaErrorInvalidPitchValue);
    if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault)
        return reported(cudaErrorInvalidMemcpyDirection);
    const auto on_device = [&](const Rows& rows, bool declared) {
        return kind == cudaMemcpyDefault ? Arena::instance().contains(rows.start) : declared;
    };
    const bool to_device =
        device_side(to, on_device(to, kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice),
                    name, "destination");
    const bool from_device =
        device_side(from, on_device(from, kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice),
                    name, "source");
    Operation operation{name, {}, {}};
    if (to_device) operation.ranges.push_back({to.start, to.extent()});
    if (from_device) operation.ranges.push_back({from.start, from.extent()});
    std::shared_ptr<std::vector<char>> stage;
    if (!from_device) stage = staged(from, Streams::instance().of(stream).capture != nullptr);
    if (stage != nullptr) from = {stage->data(), from.bytes, from.bytes, from.rows};
    operation.run = [=] {
        (void)stage;  // lives as long as the operation
        copy_rows(to, from);
    };
    if (!from_device && stage == nullptr) operation.host_read = {from.start, from.extent()};
    if (!to_device) {
        operation.host_written = {to.start, to.extent()};
        operation.poison_host = [=] { poison_rows(to); };
    }
    operation.request = request_of(to, to_device, from_device);
    if (from_device && !to_device && !is_pinned(to.start, to.extent())) count(&Counts::pageable_downloads);
    return Streams::instance().submit(stream, std::move(operation));
}

Rows line(const void* start, std::size_t bytes) {
    return {static_cast<char*>(const_cast<void*>(start)), bytes, bytes, 1};
}

Rows rows(const void* start, std::size_t pitch, std::size_t bytes, std::size_t count) {
    return {static_cast<char*>(const_cast<void*>(start)), pitch, bytes, count};
}

/// The forms without Async return when the copy is done.
cudaError_t finish_legacy(cudaError_t status) {
    if (status != cudaSuccess) return status;
    const std::lock_guard lock(device_mutex());
    count(&Counts::synchronisations);
    Streams::instance().finish(Streams::instance().of(nullptr));
    return cudaSuccess;
}

bool forbidden_by_capture() {
    const std::lock_guard lock(device_mutex());
    return Streams::instance().forbidden_by_capture();
}

}  // namespace
}  // namespace emulated_device

using namespace emulated_device;

extern "C" {

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
    return copy("cudaMemcpyAsync", line(to, bytes), line(from, bytes), kind, stream);
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    if (forbidden_by_capture()) return reported(cudaErrorStreamCaptureUnsupported);
    return finish_legacy(copy("cudaMemcpy", line(to, bytes), line(from, bytes), kind, nullptr));
}

cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
    return copy("cudaMemcpy2DAsync", rows(to, to_pitch, width, height), rows(from, from_pitch, width, height),
                kind, stream);
}

cudaError_t cudaMemcpy2D(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                         std::size_t width, std::size_t height, cudaMemcpyKind kind) {
    if (forbidden_by_capture()) return reported(cudaErrorStreamCaptureUnsupported);
    return finish_legacy(copy("cudaMemcpy2D", rows(to, to_pitch, width, height),
                              rows(from, from_pitch, width, height), kind, nullptr));
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    if (bytes == 0) return cudaSuccess;
    Operation set{"cudaMemsetAsync", {{to, bytes}}, [=] { std::memset(to, value, bytes); }};
    set.request.kind = Request::Kind::within;
    set.request.launch.kernel = "set";
    set.request.bytes = static_cast<std::int64_t>(bytes);
    return Streams::instance().submit(stream, std::move(set));
}

cudaError_t cudaMemset(void* to, int value, std::size_t bytes) {
    if (forbidden_by_capture()) return reported(cudaErrorStreamCaptureUnsupported);
    return finish_legacy(cudaMemsetAsync(to, value, bytes, nullptr));
}

}  // extern "C"
