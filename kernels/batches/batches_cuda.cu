#include <port.cuh>

#include "kernels/batches/batches.hpp"
#include "kernels/device/device.cuh"
#include "kernels/vectors/elementwise.cuh"

namespace ntpgeo::batches_cuda {
namespace operations {

/// Of place i, all of its entries.
struct GatherLabels {
    LabelsView labels;
    BatchView batch;
    BatchEntries entries;
    template <int width>
    __device__ void run(std::int64_t i) const {
        const std::int64_t context = batch.contexts[i], from = labels.indptr[context], to = batch.indptr[i];
        const std::int64_t size = labels.indptr[context + 1] - from;
        for (std::int64_t entry = 0; entry < size; ++entry) {
            entries.indices[to + entry] = labels.indices[from + entry];
            entries.probs[to + entry] = labels.probs[from + entry];
            entries.log_probs[to + entry] = labels.log_probs[from + entry];
        }
    }
};

/// Of element i of the rows.
template <class T>
struct GatherRows {
    const T* all;
    BatchView batch;
    std::int64_t columns;
    T* rows;
    template <int width>
    __device__ void run(std::int64_t i) const {
        rows[i] = all[batch.contexts[i / columns] * columns + i % columns];
    }
};

template <class T>
struct ScatterRows {
    const T* rows;
    BatchView batch;
    std::int64_t columns;
    T* all;
    template <int width>
    __device__ void run(std::int64_t i) const {
        const std::int64_t place = i / columns;
        if (batch.weights[place] > 0) all[batch.contexts[place] * columns + i % columns] = rows[i];
    }
};

template <class T>
struct WeighRidge {
    const T* rows;
    BatchView batch;
    std::int64_t columns;
    const double* ridge;
    T* gradient;
    template <int width>
    __device__ void run(std::int64_t i) const {
        const double factor = *ridge * (batch.ridges[i / columns] - 1);
        if (factor != 0) gradient[i] = static_cast<T>(gradient[i] + factor * rows[i]);
    }
};

}  // namespace operations
}  // namespace ntpgeo::batches_cuda

namespace ntpgeo {
using namespace batches_cuda;

void CudaBatchOperations::gather_labels(const LabelsView& labels, const BatchView& batch,
                                        const BatchEntries& entries) {
    device::for_each_element<1>(device_, operations::GatherLabels{labels, batch, entries}, batch.size, {});
}

void CudaBatchOperations::gather_rows(Matrix all, const BatchView& batch, Matrix rows) {
    with_real(all.real, [&]<class T>(T) {
        device::for_each_element<1>(device_,
                                    operations::GatherRows<T>{all.as<T>(), batch, all.columns, rows.as<T>()},
                                    batch.size * all.columns, {});
    });
}

void CudaBatchOperations::scatter_rows(Matrix rows, const BatchView& batch, Matrix all) {
    with_real(all.real, [&]<class T>(T) {
        device::for_each_element<1>(device_,
                                    operations::ScatterRows<T>{rows.as<T>(), batch, all.columns, all.as<T>()},
                                    batch.size * all.columns, {});
    });
}

void CudaBatchOperations::weigh_ridge(Matrix rows, const BatchView& batch, const double* ridge,
                                      Matrix gradient) {
    with_real(rows.real, [&]<class T>(T) {
        device::for_each_element<1>(
            device_, operations::WeighRidge<T>{rows.as<T>(), batch, rows.columns, ridge, gradient.as<T>()},
            rows.flat().size, {});
    });
}

}  // namespace ntpgeo
