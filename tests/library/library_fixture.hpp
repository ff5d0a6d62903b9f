// Handles of the C library that free themselves, and a small data set.
#pragma once

#include <gtest/gtest.h>
#include <ntpgeo.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace ntpgeo_tests {

struct Free {
    void operator()(ntpgeo_dataset* handle) const { ntpgeo_dataset_free(handle); }
    void operator()(ntpgeo_settings* handle) const { ntpgeo_settings_free(handle); }
    void operator()(ntpgeo_result* handle) const { ntpgeo_result_free(handle); }
};
using DatasetHandle = std::unique_ptr<ntpgeo_dataset, Free>;
using SettingsHandle = std::unique_ptr<ntpgeo_settings, Free>;
using ResultHandle = std::unique_ptr<ntpgeo_result, Free>;

/// Three contexts over five words.
struct Arrays {
    std::vector<std::int64_t> indptr{0, 2, 3, 5};
    std::vector<std::int32_t> indices{1, 4, 0, 2, 3};
    std::vector<double> probs{0.25, 0.75, 1, 0.5, 0.5};

    [[nodiscard]] ntpgeo_csr csr() const {
        ntpgeo_csr csr = {};
        csr.size = sizeof csr;
        csr.vocab_size = 5;
        csr.contexts = static_cast<std::int64_t>(indptr.size()) - 1;
        csr.indptr = indptr.data();
        csr.indices = indices.data();
        csr.indices_type = NTPGEO_INT32;
        csr.probs = probs.data();
        csr.probs_type = NTPGEO_FLOAT64;
        return csr;
    }
};

inline DatasetHandle dataset_of(const ntpgeo_csr& csr) {
    ntpgeo_dataset* data = nullptr;
    EXPECT_EQ(ntpgeo_dataset_from_csr(&csr, &data), NTPGEO_OK) << ntpgeo_last_error();
    return DatasetHandle(data);
}
inline DatasetHandle small_dataset() {
    return dataset_of(Arrays{}.csr());
}

using Named = std::vector<std::pair<const char*, const char*>>;
inline SettingsHandle settings_of(const char* verb, const Named& named) {
    ntpgeo_settings* settings = nullptr;
    EXPECT_EQ(ntpgeo_settings_new(verb, &settings), NTPGEO_OK) << ntpgeo_last_error();
    for (const auto& [name, text] : named)
        EXPECT_EQ(ntpgeo_settings_set(settings, name, text), NTPGEO_OK) << ntpgeo_last_error();
    return SettingsHandle(settings);
}

inline ResultHandle train(const ntpgeo_dataset* data, const Named& named,
                          const ntpgeo_result* limit = nullptr, const ntpgeo_watch* watch = nullptr,
                          int expected = NTPGEO_OK) {
    const SettingsHandle settings = settings_of("train", named);
    ntpgeo_result* result = nullptr;
    EXPECT_EQ(ntpgeo_train(data, settings.get(), limit, watch, &result), expected) << ntpgeo_last_error();
    return ResultHandle(result);
}

inline std::vector<double> matrix_of(const ntpgeo_result* result, const char* name) {
    std::int64_t rows = 0, columns = 0;
    EXPECT_EQ(ntpgeo_result_shape(result, name, &rows, &columns), NTPGEO_OK) << ntpgeo_last_error();
    std::vector<double> values(static_cast<std::size_t>(rows * columns));
    EXPECT_EQ(ntpgeo_result_copy(result, name, NTPGEO_FLOAT64, values.data(), rows, columns), NTPGEO_OK)
        << ntpgeo_last_error();
    return values;
}

inline ntpgeo_result_view look(const ntpgeo_result* result) {
    ntpgeo_result_view view = {};
    view.size = sizeof view;
    EXPECT_EQ(ntpgeo_result_look(result, &view), NTPGEO_OK) << ntpgeo_last_error();
    return view;
}

/// The figure under a key of record `index`; its kind is −1 where there is none.
inline ntpgeo_figure figure(const ntpgeo_result* result, std::size_t index, const char* key) {
    const ntpgeo_figure* figures = nullptr;
    std::size_t count = 0;
    EXPECT_EQ(ntpgeo_result_record(result, index, &figures, &count), NTPGEO_OK) << ntpgeo_last_error();
    for (std::size_t i = 0; i < count; ++i)
        if (std::strcmp(figures[i].key, key) == 0) return figures[i];
    ntpgeo_figure none = {};
    none.kind = -1;
    return none;
}

/// Expects that a call was refused with NTPGEO_INVALID and a text that has `part`, of one line.
inline void expect_refused(int status, const std::string& part) {
    EXPECT_EQ(status, NTPGEO_INVALID) << part;
    const std::string text = ntpgeo_last_error();
    EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' is not in: " << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

}  // namespace ntpgeo_tests
