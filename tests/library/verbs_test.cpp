// Training, limit, path, analysis and concepts by the C library.
#include <atomic>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/host/files/scratch.hpp"
#include "tests/library/library_fixture.hpp"

namespace ntpgeo_tests {
namespace {

const Named quick = {{"dim", "4"}, {"steps", "300"}, {"metrics_every", "log:2"}, {"seed", "7"}};

TEST(LibraryTraining, RecordsTheGeometryOnTheWay) {
    const DatasetHandle data = small_dataset();
    const ResultHandle result = train(data.get(), quick);
    const ntpgeo_result_view view = look(result.get());
    EXPECT_EQ(view.steps, 300);
    EXPECT_EQ(view.reached, 1);
    ASSERT_EQ(view.records, 7U);  // 0, 1, 3, 10, 32, 100 and the last
    EXPECT_EQ(figure(result.get(), 5, "step").whole, 100);
    EXPECT_EQ(figure(result.get(), 6, "step").whole, 300);
    EXPECT_EQ(figure(result.get(), 6, "excess_loss").kind, NTPGEO_NUMBER);
    EXPECT_LT(figure(result.get(), 6, "excess_loss").number, figure(result.get(), 0, "excess_loss").number);
    EXPECT_EQ(figure(result.get(), 6, "alignment_limit").kind, NTPGEO_NULL);
    EXPECT_STREQ(figure(result.get(), 6, "precision").text, "fp64");
    EXPECT_EQ(figure(result.get(), 6, "singular_values").kind, NTPGEO_NUMBERS);
}

TEST(LibraryTraining, StagesFollowEachOther) {
    const DatasetHandle data = small_dataset();
    const SettingsHandle settings = settings_of("train", {{"dim", "3"}, {"steps", "5"}});
    const auto set = [&](std::size_t stage, const char* name, const char* text) {
        ASSERT_EQ(ntpgeo_settings_set_in_stage(settings.get(), stage, name, text), NTPGEO_OK)
            << ntpgeo_last_error();
    };
    set(0, "momentum", "0.5");  // before its optimizer: the table's order counts
    set(0, "optimizer", "momentum");
    set(1, "optimizer", "lbfgs");
    set(1, "steps", "2");
    ntpgeo_result* result = nullptr;
    ASSERT_EQ(ntpgeo_train(data.get(), settings.get(), nullptr, nullptr, &result), NTPGEO_OK)
        << ntpgeo_last_error();
    const ResultHandle held(result);
    EXPECT_EQ(look(result).steps, 7);
    EXPECT_EQ(figure(result, look(result).records - 1, "stage").whole, 2);
    set(1, "beta1", "0.5");
    expect_refused(ntpgeo_train(data.get(), settings.get(), nullptr, nullptr, &result),
                   "stage 2, beta1: belongs to the optimizer adam (or adamw)");
    EXPECT_EQ(result, nullptr);
}

TEST(LibraryTraining, StopsWhereARecordsCallbackSaysSo) {
    const DatasetHandle data = small_dataset();
    int left = 3;
    ntpgeo_watch watch = {};
    watch.size = sizeof watch;
    watch.user = &left;
    watch.on_record = [](void* user, const ntpgeo_figure*, std::size_t) {
        return --*static_cast<int*>(user) == 0 ? 1 : 0;
    };
    const ResultHandle result = train(data.get(), quick, nullptr, &watch, NTPGEO_STOPPED);
    EXPECT_STREQ(ntpgeo_last_error(), "train: stopped by the caller at step 3");
    EXPECT_EQ(look(result.get()).records, 3U);
    EXPECT_EQ(look(result.get()).reached, 0);
    EXPECT_EQ(matrix_of(result.get(), "W"),
              matrix_of(train(data.get(), {{"dim", "4"}, {"steps", "3"}, {"seed", "7"}}).get(), "W"));
}

// Polling ends what has no record for long, too.
TEST(LibraryTraining, StopsBetweenRecords) {
    const DatasetHandle data = small_dataset();
    int asked = 0;
    ntpgeo_watch watch = {};
    watch.size = sizeof watch;
    watch.user = &asked;
    watch.should_stop = [](void* user) { return ++*static_cast<int*>(user) == 3 ? 1 : 0; };
    const ResultHandle result =
        train(data.get(), {{"dim", "4"}, {"steps", "1000000000"}, {"metrics_every", "1000000000"}}, nullptr,
              &watch, NTPGEO_STOPPED);
    EXPECT_EQ(asked, 3);
    EXPECT_GT(look(result.get()).steps, 0);
}

TEST(LibraryTraining, TwoThreadsTrainAtOnceToTheSameBits) {
    const DatasetHandle data = small_dataset();
    const Named other = {{"dim", "6"}, {"steps", "200"}, {"optimizer", "gd"}, {"lr", "0.5"}};
    const std::vector<double> first = matrix_of(train(data.get(), quick).get(), "W"),
                              second = matrix_of(train(data.get(), other).get(), "H");
    std::vector<std::thread> threads;
    std::atomic<int> same = 0;
    for (int k = 0; k < 4; ++k)
        threads.emplace_back([&, k] {
            if (k % 2 == 0) same += matrix_of(train(data.get(), quick).get(), "W") == first;
            if (k % 2 == 1) same += matrix_of(train(data.get(), other).get(), "H") == second;
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(same, 4);
}

TEST(LibraryTraining, ALossThatIsNotFiniteIsAFailure) {
    const DatasetHandle data = small_dataset();
    const ResultHandle none = train(data.get(), {{"optimizer", "gd"}, {"lr", "1e300"}, {"steps", "50"}},
                                    nullptr, nullptr, NTPGEO_FAILED);
    EXPECT_EQ(none, nullptr);
    EXPECT_NE(std::string(ntpgeo_last_error()).find("at step"), std::string::npos) << ntpgeo_last_error();
}

TEST(LibraryLimit, IsWhatTrainingAndThePathAreHeldAgainst) {
    const DatasetHandle data = small_dataset();
    ntpgeo_result* limit = nullptr;
    ASSERT_EQ(ntpgeo_limit(data.get(), nullptr, nullptr, &limit), NTPGEO_OK) << ntpgeo_last_error();
    const ResultHandle held(limit);
    const std::size_t last = look(limit).records - 1;
    EXPECT_EQ(look(limit).reached, 1);
    EXPECT_LT(figure(limit, last, "relative_gap").number, 1e-6);
    double norm = 0;
    for (const double sigma : matrix_of(limit, "sigma")) norm += sigma;
    EXPECT_NEAR(norm, figure(limit, last, "nuclear_norm").number, 1e-9);

    const ResultHandle trained = train(data.get(), {{"dim", "4"}}, limit);
    EXPECT_GT(figure(trained.get(), look(trained.get()).records - 1, "alignment_limit").number, 0.9);

    // The same L_mm, from its factors.
    const std::vector<double> words = matrix_of(limit, "W"), contexts = matrix_of(limit, "H");
    ntpgeo_result* again = nullptr;
    ASSERT_EQ(ntpgeo_limit_of(data.get(), words.data(), contexts.data(), std::ssize(words) / 5, &again),
              NTPGEO_OK);
    const ResultHandle held_again(again);
    EXPECT_EQ(figure(train(data.get(), quick, again).get(), 3, "alignment_limit").number,
              figure(train(data.get(), quick, limit).get(), 3, "alignment_limit").number);

    const SettingsHandle settings =
        settings_of("path", {{"lambdas", "1e-1:1e-3:1"}, {"save_points", "true"}});
    ntpgeo_result* path = nullptr;
    ASSERT_EQ(ntpgeo_path(data.get(), settings.get(), limit, nullptr, &path), NTPGEO_OK)
        << ntpgeo_last_error();
    const ResultHandle held_path(path);
    EXPECT_EQ(look(path).records, 3U);
    ASSERT_EQ(look(path).points, 3U);
    EXPECT_EQ(look(path).reached, 1);
    const ntpgeo_result* point = nullptr;
    ASSERT_EQ(ntpgeo_result_point(path, 2, &point), NTPGEO_OK);
    EXPECT_EQ(matrix_of(point, "W"), matrix_of(path, "W"));
    EXPECT_EQ(figure(path, 2, "lambda").number, 1e-3);
}

TEST(LibraryLimit, IsRefusedWhereItIsOfOtherSupports) {
    const DatasetHandle data = small_dataset();
    Arrays arrays;
    arrays.indices[2] = 3;
    const DatasetHandle other = dataset_of(arrays.csr());
    ntpgeo_result *limit = nullptr, *none = nullptr;
    ASSERT_EQ(ntpgeo_limit(other.get(), nullptr, nullptr, &limit), NTPGEO_OK) << ntpgeo_last_error();
    const ResultHandle held(limit);
    expect_refused(ntpgeo_train(data.get(), nullptr, limit, nullptr, &none),
                   "limit: was made from another data set");
    const ResultHandle trained = train(data.get(), {{"steps", "1"}});
    expect_refused(ntpgeo_path(data.get(), nullptr, trained.get(), nullptr, &none), "limit: is no L_mm");
}

TEST(LibraryPath, StopsWithThePointsSoFar) {
    const DatasetHandle data = small_dataset();
    ntpgeo_watch watch = {};
    watch.size = sizeof watch;
    watch.on_record = [](void*, const ntpgeo_figure* figures, std::size_t) {
        return figures[0].number < 0.05 ? 1 : 0;
    };
    ntpgeo_result* path = nullptr;
    EXPECT_EQ(ntpgeo_path(data.get(), nullptr, nullptr, &watch, &path), NTPGEO_STOPPED);
    const ResultHandle held(path);
    EXPECT_STREQ(ntpgeo_last_error(), "path: stopped by the caller after 2 of 15 points");
    EXPECT_EQ(look(path).records, 2U);
    watch.on_record = nullptr;
    watch.should_stop = [](void*) { return 1; };
    EXPECT_EQ(ntpgeo_path(data.get(), nullptr, nullptr, &watch, &path), NTPGEO_STOPPED);
    EXPECT_EQ(path, nullptr);  // before any point
}

TEST(LibraryAnalysis, OfATrainedModelIsItsLastRecord) {
    const DatasetHandle data = small_dataset();
    const ResultHandle trained = train(data.get(), quick);
    const std::vector<double> words = matrix_of(trained.get(), "W"), contexts = matrix_of(trained.get(), "H");
    const SettingsHandle settings = settings_of("analyze", {{"step", "300"}});
    ntpgeo_result* analyzed = nullptr;
    ASSERT_EQ(
        ntpgeo_analyze(data.get(), words.data(), contexts.data(), 4, settings.get(), nullptr, &analyzed),
        NTPGEO_OK);
    const ResultHandle held(analyzed);
    for (const char* key : {"excess_loss", "dominance", "alignment_proxy"})
        EXPECT_EQ(figure(analyzed, 0, key).number, figure(trained.get(), 6, key).number) << key;
    EXPECT_EQ(figure(analyzed, 0, "step").whole, 300);
}

TEST(LibraryConcepts, AreSignsAlongTheDirectionsOfTheSupports) {
    const DatasetHandle data = small_dataset();
    const SettingsHandle settings = settings_of("concepts", {{"directions", "2"}});
    ntpgeo_result* found = nullptr;
    ASSERT_EQ(ntpgeo_concepts(data.get(), nullptr, nullptr, 0, settings.get(), &found), NTPGEO_OK);
    const ResultHandle held(found);
    EXPECT_EQ(matrix_of(found, "values").size(), 2U);
    const std::vector<double> words = matrix_of(found, "words"), signs = matrix_of(found, "word_signs");
    ASSERT_EQ(words.size(), 10U);
    for (std::size_t i = 0; i < words.size(); ++i)
        EXPECT_TRUE(signs[i] == 0 || std::signbit(signs[i]) == std::signbit(words[i])) << i;
    EXPECT_EQ(matrix_of(found, "contexts").size(), 6U);
    EXPECT_EQ(matrix_of(found, "never_follows"), std::vector<double>(5, 0));
}

#ifdef NTPGEO_BINARY
/// The bytes of a tensor of a safetensors file.
std::string tensor_bytes(const std::string& file, const std::string& name) {
    std::ifstream stream(file, std::ios::binary);
    std::stringstream all;
    all << stream.rdbuf();
    const std::string text = all.str();
    std::uint64_t header = 0;
    std::memcpy(&header, text.data(), sizeof header);
    const std::size_t at = text.find("\"data_offsets\":[", text.find("\"" + name + "\":{"));
    unsigned long begin = 0, end = 0;
    EXPECT_EQ(std::sscanf(text.c_str() + at, "\"data_offsets\":[%lu,%lu]", &begin, &end), 2);
    return text.substr(sizeof header + header + begin, end - begin);
}

TEST(LibraryTraining, HasTheBitsOfTheProgram) {
    const ntpgeo::ScratchFolder folder;
    const std::string data_file = folder / "data.safetensors", run = folder / "run";
    const auto call = [](const std::string& arguments) {
        ASSERT_EQ(std::system((std::string(NTPGEO_BINARY) + " " + arguments + " >/dev/null 2>&1").c_str()), 0)
            << arguments;
    };
    call("data synth --vocab 30 --contexts 80 --supports 20 -o " + data_file);
    call("train --device cpu --dim 8 --steps 120 --lr 0.03 --lr-schedule cosine --seed 3 " + data_file +
         " -o " + run);
    const auto array = [&](const std::string& name, auto element) {
        const std::string bytes = tensor_bytes(data_file, name);
        std::vector<decltype(element)> values(bytes.size() / sizeof element);
        std::memcpy(values.data(), bytes.data(), bytes.size());
        return values;
    };
    const auto indptr = array("indptr", std::int64_t{});
    const auto indices = array("indices", std::int32_t{});
    const auto probs = array("probs", double{}), weights = array("context_probs", double{});
    ntpgeo_csr csr = Arrays{}.csr();
    csr.vocab_size = 30;
    csr.contexts = 80;
    csr.indptr = indptr.data();
    csr.indices = indices.data();
    csr.probs = probs.data();
    csr.context_probs = weights.data();
    const DatasetHandle data = dataset_of(csr);
    const ResultHandle result = train(data.get(), {{"device", "cpu"},
                                                   {"dim", "8"},
                                                   {"steps", "120"},
                                                   {"lr", "0.03"},
                                                   {"lr_schedule", "cosine"},
                                                   {"seed", "3"}});
    for (const char* name : {"W", "H"}) {
        const std::vector<double> values = matrix_of(result.get(), name);
        EXPECT_EQ(ntpgeo::bytes_of(values), tensor_bytes(run + "/result.safetensors", name)) << name;
    }
}
#endif

}  // namespace
}  // namespace ntpgeo_tests
