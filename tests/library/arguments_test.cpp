// What the C library refuses, and how it says so.
#include <limits>
#include <thread>

#include "tests/library/library_fixture.hpp"

namespace ntpgeo_tests {
namespace {

TEST(Library, IsOfTheHeadersVersion) {
    EXPECT_EQ(ntpgeo_api_version(), NTPGEO_API_VERSION);
    EXPECT_NE(std::string(ntpgeo_version()).find('.'), std::string::npos);
}

TEST(Library, ErrorsAreTheThreadsOwn) {
    ntpgeo_settings* none = nullptr;
    expect_refused(ntpgeo_settings_new("walk", &none), "verb: 'walk' is unknown; use train, limit, path");
    std::thread([] {
        EXPECT_STREQ(ntpgeo_last_error(), "");
        expect_refused(ntpgeo_dataset_from_csr(nullptr, nullptr), "csr: is NULL");
    }).join();
    EXPECT_NE(std::string(ntpgeo_last_error()).find("'walk'"), std::string::npos);
    EXPECT_EQ(none, nullptr);
}

TEST(Library, DataSetsAreCheckedAsFilesAre) {
    const auto refused = [](auto change, const char* part) {
        Arrays arrays;
        ntpgeo_csr csr = arrays.csr();
        change(arrays, csr);
        ntpgeo_dataset* data = nullptr;
        expect_refused(ntpgeo_dataset_from_csr(&csr, &data), part);
        EXPECT_EQ(data, nullptr);
    };
    refused([](Arrays&, ntpgeo_csr& csr) { csr.size = 0; }, "its size is 0; set it to sizeof(ntpgeo_csr)");
    refused([](Arrays&, ntpgeo_csr& csr) { csr.indptr = nullptr; }, "indptr: is NULL");
    refused([](Arrays&, ntpgeo_csr& csr) { csr.probs = nullptr; }, "probs: is NULL");
    refused([](Arrays&, ntpgeo_csr& csr) { csr.probs_type = NTPGEO_INT32; },
            "probs: its type is 1; it must be");
    refused([](Arrays&, ntpgeo_csr& csr) { csr.contexts = 0; }, "contexts: is 0; it must be 1 or more");
    refused(
        [](Arrays& arrays, ntpgeo_csr&) {
            arrays.indptr = {0, 2, 1, std::int64_t{1} << 60};
        },
        "data set: indptr decreases at context 1 (from 2 to 1)");
    refused([](Arrays&, ntpgeo_csr& csr) { csr.vocab_size = 4; }, "data set: indices[1] of context 0 is 4");
    refused([](Arrays& arrays, ntpgeo_csr&) { arrays.indices[4] = 2; },
            "indices[4] of context 2 is 2, a repetition");
    refused([](Arrays& arrays, ntpgeo_csr&) { arrays.probs[2] = 0.9; }, "probs of context 1 sum to 0.9");
    refused(
        [](Arrays& arrays, ntpgeo_csr& csr) {
            arrays.probs[2] = std::numeric_limits<double>::quiet_NaN();
            csr.name = "a\nb";
        },
        "a\\x0ab: probs[2] of context 1 is nan, which is not a number");
}

TEST(Library, ArraysOfOtherTypesMakeTheSameDataSet) {
    const std::vector<std::int64_t> wide{1, 4, 0, 2, 3};
    const std::vector<float> narrow{0.25F, 0.75F, 1, 0.5F, 0.5F};
    const Arrays arrays;
    ntpgeo_csr csr = arrays.csr();
    csr.indices = wide.data();
    csr.indices_type = NTPGEO_INT64;
    csr.probs = narrow.data();
    csr.probs_type = NTPGEO_FLOAT32;
    ntpgeo_dataset_view view = {};
    view.size = sizeof view;
    const DatasetHandle data = dataset_of(csr);
    ASSERT_EQ(ntpgeo_dataset_look(data.get(), &view), NTPGEO_OK);
    EXPECT_EQ(std::vector(view.indices, view.indices + view.nnz), arrays.indices);
    EXPECT_EQ(std::vector(view.probs, view.probs + view.nnz), arrays.probs);
    EXPECT_EQ(view.support_classes, 3);
    EXPECT_EQ(view.counts, nullptr);
    const std::vector<std::int64_t> too_wide{1, 4, 0, 2, std::int64_t{1} << 32};
    csr.indices = too_wide.data();
    ntpgeo_dataset* none = nullptr;
    expect_refused(ntpgeo_dataset_from_csr(&csr, &none),
                   "indices[4] is 4294967296; it must be at most 2147483647");
}

TEST(Library, CountsWindowsOfTokens) {
    const std::vector<std::int32_t> tokens{0, 1, 0, 1, 2, 0, 1, 1};
    const SettingsHandle settings = settings_of("ngrams", {{"context", "1"}});
    ntpgeo_dataset* data = nullptr;
    const std::vector<std::int64_t> ends{5, 8};
    ASSERT_EQ(
        ntpgeo_dataset_from_ngrams(tokens.data(), NTPGEO_INT32, 8, ends.data(), 2, 3, settings.get(), &data),
        NTPGEO_OK)
        << ntpgeo_last_error();
    const DatasetHandle held(data);
    ntpgeo_dataset_view view = {};
    view.size = sizeof view;
    ASSERT_EQ(ntpgeo_dataset_look(data, &view), NTPGEO_OK);
    EXPECT_EQ(std::vector(view.context_tokens, view.context_tokens + view.contexts),
              (std::vector<std::int32_t>{0, 1}));  // 2 ends the first document
    EXPECT_EQ(std::vector(view.counts, view.counts + view.nnz), (std::vector<std::int64_t>{3, 1, 1, 1}));
    const std::vector<std::int32_t> wrong{0, 3};
    expect_refused(ntpgeo_dataset_from_ngrams(wrong.data(), NTPGEO_INT32, 2, nullptr, 0, 3, nullptr, &data),
                   "tokens[1] is 3; it must be below the vocabulary's size 3");
}

TEST(Library, SettingsSayWhatIsWrong) {
    const SettingsHandle train = settings_of("train", {});
    expect_refused(ntpgeo_settings_set(train.get(), "dimension", "3"),
                   "train: 'dimension' is unknown; use dim, seed, init_scale");
    expect_refused(ntpgeo_settings_set(train.get(), "dim", "0"), "dim: '0' is not a whole number >= 1");
    expect_refused(ntpgeo_settings_set(train.get(), "dim", "9999999"), "dim: 9999999 is not at most 1048576");
    expect_refused(ntpgeo_settings_set(train.get(), "lr", "-1"), "lr: '-1' is not a number above 0");
    expect_refused(ntpgeo_settings_set(train.get(), "optimizer", "sgd"),
                   "optimizer: 'sgd' is unknown; use gd, momentum");
    expect_refused(ntpgeo_settings_set(train.get(), "lr", nullptr), "lr: is NULL");
    expect_refused(ntpgeo_settings_set_in_stage(train.get(), 1, "lr", "1"),
                   "stage: is 1, and there are 0 so far");
    const SettingsHandle limit = settings_of("limit", {});
    expect_refused(ntpgeo_settings_set(limit.get(), "lambdas", "1:1:1"),
                   "limit: 'lambdas' is unknown; use tol, device");
    ntpgeo_result* none = nullptr;
    expect_refused(ntpgeo_train(small_dataset().get(), limit.get(), nullptr, nullptr, &none),
                   "settings: are of limit, not of train");
    const SettingsHandle alone = settings_of("train", {{"momentum", "0.5"}});
    expect_refused(ntpgeo_train(small_dataset().get(), alone.get(), nullptr, nullptr, &none),
                   "momentum: belongs to the optimizer momentum (or sign); leave it out");
    const SettingsHandle device = settings_of("train", {{"device", "gpu"}});
    expect_refused(ntpgeo_train(small_dataset().get(), device.get(), nullptr, nullptr, &none),
                   "device: 'gpu' is unknown; use auto, cpu or cuda[:i]");
}

TEST(Library, SettingsAreListedWithTheirDefaults) {
    const SettingsHandle settings = settings_of("train", {});
    std::string listed;
    for (std::size_t i = 0; i < ntpgeo_settings_count(settings.get()); ++i) {
        ntpgeo_setting one = {};
        one.size = sizeof one;
        ASSERT_EQ(ntpgeo_settings_describe(settings.get(), i, &one), NTPGEO_OK);
        listed +=
            std::string(one.name) + "=" + one.initial + (one.of_stage ? "*" : "") + " [" + one.range + "]\n";
        EXPECT_NE(std::string(one.help), "") << one.name;
    }
    for (const char* part :
         {"dim=64 [a whole number >= 1", "lr=0.01* [a number above 0]", "steps=2000*",
          "precision=auto* [auto|bf16|", "metrics_every=auto", "device=auto [auto|cpu|cuda[:i]]"})
        EXPECT_NE(listed.find(part), std::string::npos) << part << " is not in\n" << listed;
}

TEST(Library, MatricesAreCheckedBeforeTheyAreMeasured) {
    const DatasetHandle data = small_dataset();
    std::vector<double> words(10, 1), contexts(6, 1);
    ntpgeo_result* none = nullptr;
    expect_refused(ntpgeo_analyze(data.get(), nullptr, contexts.data(), 2, nullptr, nullptr, &none),
                   "words: is NULL");
    expect_refused(ntpgeo_analyze(data.get(), words.data(), contexts.data(), 0, nullptr, nullptr, &none),
                   "dim: is 0");
    contexts[3] = std::numeric_limits<double>::infinity();
    expect_refused(ntpgeo_analyze(data.get(), words.data(), contexts.data(), 2, nullptr, nullptr, &none),
                   "contexts: the entry [1, 1] is inf; every entry must be finite");
    expect_refused(ntpgeo_concepts(data.get(), nullptr, contexts.data(), 2, nullptr, &none),
                   "words: is NULL");
}

TEST(Library, ShapesOfCopiesAreChecked) {
    const DatasetHandle data = small_dataset();
    const ResultHandle result = train(data.get(), {{"dim", "2"}, {"steps", "1"}});
    std::vector<double> out(15);
    expect_refused(ntpgeo_result_copy(result.get(), "W", NTPGEO_FLOAT64, out.data(), 5, 3),
                   "W: is [5, 2]; [5, 3] was");
    expect_refused(ntpgeo_result_copy(result.get(), "sigma", NTPGEO_FLOAT64, out.data(), 5, 2),
                   "the matrix 'sigma' is unknown; use H, W");
    expect_refused(ntpgeo_result_copy(result.get(), "W", NTPGEO_INT32, out.data(), 5, 2), "type: is 1");
}

}  // namespace
}  // namespace ntpgeo_tests
