// A text's ids on a GPU: all of them, or a stretch at a time.
#pragma once

#include <thrust/iterator/reverse_iterator.h>
#include <thrust/scatter.h>
#include <algorithm>
#include <cstdint>
#include <cub/device/device_scan.cuh>
#include <port.cuh>
#include <span>
#include <vector>

#include "kernels/counting/calls_cuda.cuh"
#include "kernels/counting/counting.hpp"

namespace ntpgeo::counting_cuda {

/// Tokens begin .. end−1 of a text. Places are counted from `begin` on.
class Stretch : Calls {
  public:
    /// With room for `most` tokens at a time, uploaded in pieces of `ids_at_once`.
    Stretch(device::Device& device, const TextIds& text, std::int64_t most, std::int64_t ids_at_once)
        : Calls(device), text_(text), ids_at_once_(ids_at_once), ids_(most), ends_(most) {}

    /// Waits for what was queued before.
    void load(std::int64_t begin, std::int64_t end) {
        begin_ = begin;
        upload(begin, end);
        const auto first = std::upper_bound(text_.document_ends.begin(), text_.document_ends.end(), begin);
        std::vector<std::int64_t> document_ends;
        for (auto at = first; at != text_.document_ends.end() && *at < end; ++at)
            document_ends.push_back(*at - begin);
        document_ends.push_back(end - begin);
        find_ends(document_ends, end - begin);
    }

    [[nodiscard]] std::int64_t begin() const { return begin_; }
    [[nodiscard]] const std::int32_t* ids() const { return ids_.data(); }
    /// Of each place: the end of its document or the first −1 from there on, whichever comes first.
    [[nodiscard]] const operations::Place* ends() const { return ends_.data(); }

  private:
    /// Through memory of the host's, as the text need not lie there. It is pageable, so that a copy has read
    /// it when its call returns.
    void upload(std::int64_t begin, std::int64_t end) {
        host_ids_.resize(static_cast<std::size_t>(std::min(end - begin, ids_at_once_)));
        for (std::int64_t from = begin; from < end; from += ids_at_once_) {
            const auto size = static_cast<std::size_t>(std::min(end - from, ids_at_once_));
            const std::span<std::int32_t> part = std::span(host_ids_).first(size);
            text_.ids.read(from, part);
            NTPGEO_CHECK(cudaMemcpyAsync(ids_.data() + (from - begin), part.data(), part.size_bytes(),
                                         cudaMemcpyHostToDevice, device_.stream()));
        }
    }

    void find_ends(const std::vector<std::int64_t>& document_ends, std::int64_t size) {
        const Array<std::int64_t> ends(static_cast<std::int64_t>(document_ends.size()));
        NTPGEO_CHECK(cudaMemcpyAsync(ends.data(), document_ends.data(),
                                     document_ends.size() * sizeof(std::int64_t), cudaMemcpyHostToDevice,
                                     device_.stream()));
        NTPGEO_CHECK(
            cudaMemsetAsync(ends_.data(), 0xff, static_cast<std::size_t>(ends_.bytes()), device_.stream()));
        const std::int64_t* const from = ends.data();
        thrust::scatter(policy(), from, from + ends.size(),
                        thrust::make_transform_iterator(from, operations::LastToken{}), ends_.data());
        const auto own = by_place(0, operations::OwnEnd{ids_.data(), ends_.data()});
        run([&](void* storage, std::size_t& bytes, cudaStream_t stream) {
            return cub::DeviceScan::InclusiveScan(storage, bytes, thrust::make_reverse_iterator(own + size),
                                                  thrust::make_reverse_iterator(ends_.data() + size),
                                                  operations::Smaller{}, size, stream);
        });
        device_.synchronise();  // `ends` goes
    }

    TextIds text_;
    std::int64_t ids_at_once_;
    std::int64_t begin_ = 0;
    std::vector<std::int32_t> host_ids_;
    Array<std::int32_t> ids_;
    Array<operations::Place> ends_;
};

}  // namespace ntpgeo::counting_cuda
