// Batches of contexts, taken out and put back.
#include <algorithm>

#include "engine/data/labels.hpp"
#include "tests/operations/operation_fixture.hpp"

namespace ntpgeo {
namespace {

class Batches : public OperationTest {
  protected:
    /// Places of 5, of which the third is of weight 0, of m = 40 contexts.
    const std::vector<std::int64_t> chosen_{0, 7, 3, 38, 39};
    const std::vector<double> weights_{0.5, 1, 0, 1e-300, 2};

    /// Calls work(batch) for these places of `data`'s contexts.
    template <class Work>
    void with_batch(const Dataset& data, const Work& work) {
        indptr_ = {0};
        for (const std::int64_t j : chosen_) indptr_.push_back(indptr_.back() + data.support_size(j));
        const Array contexts = upload_array(backend(), chosen_), weights = upload_array(backend(), weights_),
                    offsets = upload_array(backend(), indptr_);
        work(BatchView{5, contexts.as<std::int64_t>(), weights.as<double>(), offsets.as<std::int64_t>()});
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

}  // namespace
}  // namespace ntpgeo
