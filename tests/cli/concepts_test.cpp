// `ntpgeo concepts`: tables and JSON, of supports, runs and matrices.
#include <gtest/gtest.h>

#include <set>

#include "host/files/dataset_file.hpp"
#include "tests/limit_folders.hpp"
#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

class ConceptsVerb : public testing::Test {
  protected:
    /// Two topics, each with verbs of its own; "never" follows nothing.
    void SetUp() override {
        write_raw(folder_ / "text",
                  "cat sat\ncat ran\ncat ran\ndog sat\ndog ran\nbird sat\nbird ran\nbus stops\nbus starts\n"
                  "car stops\ncar starts\n");
        data_ = folder_ / "data";
        run_well({"data", "text", folder_ / "text", "-o", data_, "--context", "1", "--documents", "line"});
        run_ = folder_ / "run";
        run_well({"train", data_, "-o", run_, "--dim", "4", "--steps", "50"});
    }

    static std::string matrix(const fs::path& run, const std::string& name) {
        return (run / "result.safetensors").string() + ":" + name;
    }
    static Json json(const Arguments& arguments) {
        const ProgramResult result = run_well(Arguments{"concepts", "--json"} + arguments);
        EXPECT_EQ(result.err, "");
        EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 1) << result.out;
        return Json::parse(result.out);
    }
    void expect_refused(const Arguments& arguments, const std::string& said) const {
        SCOPED_TRACE(said);
        const auto before = contents(folder_.path());
        expect_one_line(run_quickly(Arguments{"concepts"} + arguments), 2, said);
        EXPECT_EQ(contents(folder_.path()), before);
    }
    /// Expects clusters whose members are 0 … size − 1, each once.
    static void expect_partition(const Json& clusters, std::int64_t size, std::size_t directions) {
        std::set<std::int64_t> seen;
        std::size_t last = static_cast<std::size_t>(size);
        for (const Json& cluster : clusters) {
            EXPECT_EQ(cluster["signs"].get<std::string>().size(), directions);
            EXPECT_EQ(cluster["signs"].get<std::string>().find_first_not_of("+-0"), std::string::npos);
            const auto members = cluster["members"].get<std::vector<std::int64_t>>();
            EXPECT_EQ(cluster["size"], members.size());
            EXPECT_LE(members.size(), last);
            last = members.size();
            for (const std::int64_t id : members) EXPECT_TRUE(seen.insert(id).second) << id;
        }
        EXPECT_EQ(static_cast<std::int64_t>(seen.size()), size);
        EXPECT_EQ(*seen.rbegin(), size - 1);
    }

    ScratchFolder folder_;
    std::string data_;
    fs::path run_;
};

TEST_F(ConceptsVerb, TheSupportsTellTheTopicsApart) {
    const Json found = json({"--data", data_, "--directions", "1"});
    EXPECT_EQ(found["matrix"], "centred support matrix");
    EXPECT_TRUE(found["words"].is_null() && found["contexts"].is_null());
    expect_partition(found["word_clusters"], found["vocab_size"], 1);
    expect_partition(found["context_clusters"], found["context_count"], 1);
    for (const Json& cluster : found["word_clusters"])
        EXPECT_EQ(cluster["never_follow"], cluster["nearest"][0] == "cat") << cluster;
    EXPECT_FALSE(found["context_clusters"][0].contains("never_follow"));
    std::set<std::string> ends;
    const Json& direction = found["directions"][0];
    for (const Json& entry : direction["words"]["positive"]) ends.insert(entry["word"]);
    EXPECT_EQ(ends, (std::set<std::string>{"sat", "ran"}));
    EXPECT_GT(direction["words"]["positive"][0]["coordinate"], 0);
    EXPECT_LT(direction["words"]["negative"][0]["coordinate"], 0);
    ends.clear();
    for (const Json& entry : direction["contexts"]["positive"]) ends.insert(entry["context"]);
    EXPECT_EQ(ends, (std::set<std::string>{"cat", "dog", "bird"}));

    const std::string text = run_well({"concepts", "--data", data_, "--directions", "1"}).out;
    expect_contains(text, "centred support matrix, V = 9, m = 5\n");
    expect_contains(text, "words     +  ran sat\n");
    expect_contains(text, "words by signs: 2 patterns\n");
    expect_contains(text, "words that follow no context: 5   cat ");
    expect_contains(text, "direction 1   singular value ");
    EXPECT_EQ(text.find("sigma"), std::string::npos);
}

// In the stories most words have next to nothing of the four leading directions, and follow where centring
// puts them: their coordinates are a fifteenth of the largest. They are a class of their own.
TEST_F(ConceptsVerb, ADryRunSaysWhatItWouldTakeAndLooksForNothing) {
    const auto before = contents(folder_.path());
    for (const Arguments& of : {Arguments{"--data", data_}, Arguments{run_},
                                Arguments{"--data", data_, "--words", matrix(run_, "W")}}) {
        const std::string out = run_well(Arguments{"concepts", "--dry-run"} + of).out;
        for (const char* part : {"data set", "matrix", "directions", "about", "nothing: a dry run"})
            expect_contains(out, part);
        EXPECT_EQ(out.find("signs"), std::string::npos);
    }
    EXPECT_EQ(contents(folder_.path()), before);
}

TEST_F(ConceptsVerb, CoordinatesAtTheirNoiseHaveNoSign) {
    const std::string stories = folder_ / "stories";
    run_well({"data", "stories", "-o", stories, "--stories", "300"});
    const Json found = json({"--data", stories, "--directions", "4"});
    expect_partition(found["word_clusters"], found["vocab_size"], 4);
    const Json& rest = found["word_clusters"][0];
    EXPECT_EQ(rest["signs"], "0000");
    EXPECT_FALSE(rest["never_follow"].get<bool>());
    EXPECT_GT(rest["size"].get<double>(), found["vocab_size"].get<double>() / 2);
    for (const Json& direction : found["directions"])
        for (const char* side : {"words", "contexts"})
            for (const char* end : {"positive", "negative"})
                for (const Json& entry : direction[side][end])
                    EXPECT_GE(std::abs(entry["coordinate"].get<double>()),
                              direction[side]["noise"].get<double>());
    for (const Json& cluster : found["word_clusters"])
        for (const Json& word : cluster["nearest"])
            EXPECT_EQ(cluster["never_follow"].get<bool>(), word == "Once" || word == "upon") << word;
    const std::string text = run_well({"concepts", "--data", stories}).out;
    expect_contains(text, "\n  0000  ");
    expect_contains(text, "words that follow no context: 2   Once upon\n");
}

TEST_F(ConceptsVerb, ARunAndItsMatricesAreTheSame) {
    Json of_run = json({run_.string()});
    EXPECT_EQ(of_run["matrix"], "centred logits");
    EXPECT_EQ(of_run["directions"].size(), 4U);
    EXPECT_FALSE(of_run["context_clusters"].is_null());
    const Json imported =
        json({"--data", data_, "--words", matrix(run_, "W"), "--contexts", matrix(run_, "H")});
    EXPECT_EQ(imported.dump(), of_run.dump());
    // Words alone: their own directions, and no contexts.
    const Json words = json({"--data", data_, "--words", matrix(run_, "W"), "--directions", "2"});
    EXPECT_EQ(words["matrix"], "centred words");
    EXPECT_TRUE(words["contexts"].is_null() && words["context_clusters"].is_null());
    EXPECT_TRUE(words["directions"][0]["contexts"].is_null());
    expect_partition(words["word_clusters"], 9, 2);
    const std::string text = run_well({"concepts", "--data", data_, "--words", matrix(run_, "W")}).out;
    expect_contains(text, "centred words");
    EXPECT_EQ(text.find("contexts  +"), std::string::npos) << text;
}

TEST_F(ConceptsVerb, RunsOfLimitAndPathHaveConceptsToo) {
    for (const char* command : {"limit", "path"}) {
        const fs::path made = make_limit_folder(folder_ / command, data_, {.command = command});
        const Json found = json({made.string(), "--directions", "9"});
        EXPECT_EQ(found["matrix"], "centred logits");
        EXPECT_EQ(found["directions"].size(), 3U);  // its rank
        EXPECT_EQ(found["words"], matrix(made, "W"));
    }
    write_limit_result(folder_ / "path", read_dataset(data_),
                       {.metadata = {{"format", "ntpgeo.result.1"}, {"lambda", "0.25"}}});
    const Json record = Json::parse(run_well({"analyze", folder_ / "path"}).out);
    EXPECT_EQ(record["lambda"], 0.25);
    EXPECT_TRUE(record["stage"].is_null());
    make_limit_folder(folder_ / "zero", data_, {.words_rank = 0, .contexts_rank = 0, .sigma_rank = 0});
    EXPECT_EQ(Json::parse(run_well({"analyze", folder_ / "zero"}).out)["low_rank_norm"], 0);
    expect_refused({folder_ / "zero"}, "the entries of the centred logits are all 0");
}

TEST_F(ConceptsVerb, WordsAreReadableWhateverBytesTheyHave) {
    write_raw(folder_ / "bytes", std::string("a\nb\x01 \xff\na\x1b[31m b\nb\x01 a", 20));
    run_well({"data", "text", folder_ / "bytes", "-o", folder_ / "bytes.data", "--tokens", "byte",
              "--context", "1"});
    const std::string text = run_well({"concepts", "--data", folder_ / "bytes.data"}).out;
    for (const char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << text;
    expect_contains(text, "\\x01");
    expect_contains(text, "\\xff");
    expect_contains(text, "\\n");
    expect_contains(json({"--data", folder_ / "bytes.data"}).dump(), "\\\\x1b");
    // Without a vocabulary, ids.
    const std::string tiny = make_tiny_dataset(folder_);
    const Json found = json({"--data", tiny});
    EXPECT_TRUE(found["word_clusters"][0]["nearest"][0].get<std::string>().starts_with("#"));
    EXPECT_TRUE(found["context_clusters"][0]["nearest"][0].get<std::string>().starts_with("context "));
}

TEST_F(ConceptsVerb, IsTheSameOnAnyNumberOfThreads) {
    const Arguments arguments = {NTPGEO_BINARY, "concepts", run_, "--json"};
    const std::string one = run_program(Arguments{"env", "OMP_NUM_THREADS=1"} + arguments).out;
    EXPECT_EQ(run_program(Arguments{"env", "OMP_NUM_THREADS=3"} + arguments).out, one);
    EXPECT_FALSE(one.empty());
}

TEST_F(ConceptsVerb, WrongArguments) {
    expect_refused({}, "--data is missing");
    expect_refused({"--data", ""}, "--data is missing");
    expect_refused({"--data", folder_ / "missing"}, "missing");
    expect_refused({run_, "--words", matrix(run_, "W")}, "give either a RUN, or --words");
    expect_refused({"--data", data_, "--contexts", matrix(run_, "H")}, "--contexts is given without --words");
    expect_refused({"--words", matrix(run_, "W")}, "--data is missing");
    expect_refused({"--data", data_, "--words", matrix(run_, "H")},
                   "V = 9 words: its first dimension is off");
    expect_refused({"--data", data_, "--directions", "0"}, "--directions");
    expect_refused({"--data", data_, "--directions", "33"}, "directions: 33 is not at most 32");
    expect_refused({"--data", data_, "--device", "tpu"}, "auto, cpu");
    expect_refused({folder_.path()}, "holds no run");
    write_raw(folder_ / "aaba", "aabba");  // a and b both follow each
    run_well(
        {"data", "text", folder_ / "aaba", "-o", folder_ / "full", "--tokens", "byte", "--context", "1"});
    expect_refused({"--data", folder_ / "full"}, "are all 0: there are no directions (every context can be");
}

}  // namespace
}  // namespace ntpgeo
