// Batches of contexts, taken out and put back.
#include <algorithm>
#include <cmath>

#include "engine/data/labels.hpp"
#include "tests/operations/operation_fixture.hpp"

namespace ntpgeo {
namespace {

class Batches : public OperationTest {
  protected:
    /// Places of 5, of which the third is of weight 0, of m = 40 contexts.
    const std::vector<std::int64_t> chosen_{0, 7, 3, 38, 39};
    const std::vector<double> weights_{0.5, 1, 0, 1e-300, 2}, ridges_{3.5, 1, 0, 1e-3, 40};

    /// Calls work(batch) for these places of `data`'s contexts.
    template <class Work>
    void with_batch(const Dataset& data, const Work& work) {
        indptr_ = {0};
        for (const std::int64_t j : chosen_) indptr_.push_back(indptr_.back() + data.support_size(j));
        const Array contexts = upload_array(backend(), chosen_), weights = upload_array(backend(), weights_),
                    ridges = upload_array(backend(), ridges_), offsets = upload_array(backend(), indptr_);
        work(BatchView{5, contexts.as<std::int64_t>(), weights.as<double>(), ridges.as<double>(),
                       offsets.as<std::int64_t>()});
    }

    std::vector<std::int64_t> indptr_;
};

TEST_F(Batches, HaveTheirContextsLabels) {
    const Dataset data = random_dataset(90, 40, 13, 1, 60, seed());
    const Labels labels(backend(), data);
    std::vector<std::int32_t> indices;
    std::vector<double> probs, log_probs;
    const std::vector<double> all_logs =
        download_array<double>(backend(), labels.view().log_probs, data.nnz());
    for (const std::int64_t j : chosen_)
        for (std::int64_t i = data.indptr[j]; i < data.indptr[j + 1]; ++i) {
            indices.push_back(data.indices[i]);
            probs.push_back(data.probs[i]);
            log_probs.push_back(all_logs[i]);
        }
    with_batch(data, [&](const BatchView& batch) {
        const std::int64_t entries = indptr_.back();
        // One more of each, which stays as it is.
        const Array i = upload_array(backend(), std::vector<std::int32_t>(indices.size() + 1, -5)),
                    p = upload_array(backend(), std::vector<double>(indices.size() + 1, -5)),
                    l = upload_array(backend(), std::vector<double>(indices.size() + 1, -5));
        backend().gather_labels(labels.view(), batch, {i.as<std::int32_t>(), p.as<double>(), l.as<double>()});
        indices.push_back(-5);
        probs.push_back(-5);
        log_probs.push_back(-5);
        EXPECT_EQ(download_array<std::int32_t>(backend(), i.data(), entries + 1), indices);
        EXPECT_EQ(download_array<double>(backend(), p.data(), entries + 1), probs);
        EXPECT_EQ(download_array<double>(backend(), l.data(), entries + 1), log_probs);
    });
}

template <class T>
void expect_rows(Backend& backend, const BatchView& batch, const std::vector<std::int64_t>& chosen,
                 const std::vector<double>& weights, std::vector<T> all, std::int64_t columns) {
    constexpr Real real = sizeof(T) == 8 ? Real::fp64 : Real::fp32;
    std::vector<T> rows;
    for (const std::int64_t j : chosen)
        rows.insert(rows.end(), all.begin() + j * columns, all.begin() + (j + 1) * columns);
    const Array on_all = upload_array(backend, all), on_rows(backend, std::ssize(rows) * sizeof(T));
    const Matrix all_view{on_all.data(), real, 40, columns},
        rows_view{on_rows.data(), real, batch.size, columns};
    backend.gather_rows(all_view, batch, rows_view);
    EXPECT_EQ(download_array<T>(backend, on_rows.data(), std::ssize(rows)), rows);
    for (T& value : rows) value = -value;
    backend.upload(rows.data(), on_rows.data(), on_rows.bytes());
    backend.scatter_rows(rows_view, batch, all_view);
    for (std::size_t i = 0; i < chosen.size(); ++i)
        if (weights[i] > 0)
            std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(i) * columns, columns,
                        all.begin() + chosen[i] * columns);
    EXPECT_EQ(download_array<T>(backend, on_all.data(), std::ssize(all)), all);
}

TEST_F(Batches, TakeRowsOutAndPutThoseThatWeighBack) {
    const Dataset data = random_dataset(9, 40, 13, 1, 4, seed());
    for (const std::int64_t columns : {1, 3, 64, 1000}) {
        const std::vector<double> all = random(40 * columns);
        with_batch(data, [&](const BatchView& batch) {
            expect_rows(backend(), batch, chosen_, weights_, all, columns);
            expect_rows(backend(), batch, chosen_, weights_, std::vector<float>(all.begin(), all.end()),
                        columns);
        });
    }
}

template <class T>
void expect_weighed(Backend& backend, const BatchView& batch, const std::vector<double>& ridges,
                    const std::vector<double>& rows, const std::vector<double>& gradient) {
    constexpr Real real = sizeof(T) == 8 ? Real::fp64 : Real::fp32;
    const std::int64_t columns = std::ssize(rows) / batch.size;
    const std::vector<T> h(rows.begin(), rows.end()), g(gradient.begin(), gradient.end());
    for (const double lambda : {0.0, 0.03}) {
        const Array on_rows = upload_array(backend, h), on_gradient = upload_array(backend, g),
                    ridge = upload_array(backend, std::vector<double>{lambda});
        backend.weigh_ridge({on_rows.data(), real, batch.size, columns}, batch, ridge.as<double>(),
                            {on_gradient.data(), real, batch.size, columns});
        const std::vector<T> found = download_array<T>(backend, on_gradient.data(), std::ssize(g));
        for (std::size_t i = 0; i < g.size(); ++i) {
            const double factor = lambda * (ridges[i / static_cast<std::size_t>(columns)] - 1);
            const T expected = static_cast<T>(static_cast<double>(g[i]) + factor * static_cast<double>(h[i]));
            EXPECT_EQ(found[i], factor == 0 ? g[i] : expected) << i;
            EXPECT_EQ(std::signbit(found[i]), std::signbit(factor == 0 ? g[i] : expected));
        }
    }
}

TEST_F(Batches, HaveTheirShareOfTheRidge) {
    const Dataset data = random_dataset(9, 40, 13, 1, 4, seed());
    for (const std::int64_t columns : {1, 3, 64, 1000}) {
        const std::vector<double> rows = random(5 * columns);
        std::vector<double> gradient = random(5 * columns);
        gradient[static_cast<std::size_t>(columns)] = -0.0;  // of the place whose share is the whole
        with_batch(data, [&](const BatchView& batch) {
            expect_weighed<double>(backend(), batch, ridges_, rows, gradient);
            expect_weighed<float>(backend(), batch, ridges_, rows, gradient);
        });
    }
}

}  // namespace
}  // namespace ntpgeo
