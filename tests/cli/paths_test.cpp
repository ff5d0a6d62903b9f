// Paths go to the system as they are given, whatever bytes they have, and are shown on one line.
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

Json config(const fs::path& run) {
    return Json::parse(read_file(run / "config.json"));
}

void make_dataset(const fs::path& path, const std::string& vocab, const std::string& contexts) {
    run_well({"data", "synth", "-o", path, "--vocab", vocab, "--contexts", contexts, "--supports", "3",
              "--support-size", "2"});
}

/// far/deep with a link to it in here: here/link/.. is far, and here is what folding would make of it. Both
/// hold a data set `ds`; that of far has 6 words.
class LinkedFolders : public testing::Test {
  protected:
    void SetUp() override {
        fs::create_directories(folder_ / "far/deep");
        fs::create_directory(folder_ / "here");
        fs::create_directory_symlink("../far/deep", folder_ / "here/link");
        make_dataset(folder_ / "far/ds", "6", "10");
        make_dataset(folder_ / "here/ds", "4", "4");
    }
    [[nodiscard]] std::string through_link(const std::string& name) const {
        return (folder_.path() / "here/link/.." / name).string();
    }

    ScratchFolder folder_;
};

TEST_F(LinkedFolders, EveryVerbReadsTheDataSetThatTheSystemOpens) {
    const std::string data = through_link("ds");
    run_well({"train", data, "-o", folder_ / "train", "--steps", "2"});
    run_well({"limit", data, "-o", folder_ / "limit"});
    run_well({"path", data, "-o", folder_ / "path", "--lambda", "1e-1:1e-2:1", "--limit", folder_ / "limit"});
    run_well({"analyze", folder_ / "train", "--data", data, "-o", folder_ / "analyze"});
    for (const char* run : {"train", "limit", "path", "analyze"}) {
        SCOPED_TRACE(run);
        const Json dataset = config(folder_ / run)["dataset"];
        EXPECT_EQ(dataset["path"], data);
        EXPECT_EQ(dataset["vocab_size"], 6);
    }
    for (const char* verb : {"train", "limit", "path"}) run_well({verb, "-o", folder_ / verb, "--resume"});
    run_well({"concepts", folder_ / "train"});
    run_well({"report", folder_ / "train", "-o", folder_ / "report.html"});
    run_well({"train", "--config", folder_ / "train/config.json", "-o", folder_ / "again"});
    expect_same_run(folder_ / "again", folder_ / "train");
}

TEST_F(LinkedFolders, OutputAndLimitLieWhereTheSystemPutsThem) {
    const std::string data = folder_ / "far/ds";
    run_well({"train", data, "-o", through_link("run"), "--steps", "2"});
    run_well({"limit", data, "-o", through_link("limit")});
    run_well({"analyze", through_link("run"), "-o", through_link("seen")});
    for (const char* name : {"run", "limit", "seen"}) {
        EXPECT_TRUE(fs::exists(folder_ / "far" / name / "config.json")) << name;
        EXPECT_FALSE(fs::exists(folder_ / "here" / name)) << name;
    }
    run_well({"train", data, "-o", folder_ / "aligned", "--steps", "2", "--limit", through_link("limit")});
    EXPECT_EQ(config(folder_ / "aligned")["limit"]["path"], through_link("limit"));
    EXPECT_FALSE(records(folder_ / "aligned").back()["alignment_limit"].is_null());
    // A folder that is not there cannot be left again.
    expect_one_line(run_quickly({"train", data, "-o", folder_ / "missing/../run"}), 2, "does not exist");
}

TEST_F(LinkedFolders, AReportKnowsRunsByTheFolderAndNotByItsSpelling) {
    const std::string data = folder_ / "far/ds", report = folder_ / "report.html";
    for (const char* place : {"far/run", "here/run"})
        run_well({"train", data, "-o", folder_ / place, "--steps", "2"});
    run_well({"report", through_link("run"), folder_ / "here/run", "-o", report});
    expect_one_line(run_quickly({"report", through_link("run"), folder_ / "far/run", "-o", report}), 2,
                    "given twice");
    run_program({"bash", "-c", "cd \"$0\" && exec \"$1\" report . -o ../dot.html", folder_ / "far/run",
                 NTPGEO_BINARY});
    expect_contains(read_file(folder_ / "far/dot.html"), "<title>ntpgeo: run</title>");
}

/// Takes a data set called `name`, and runs that end with it, through every verb.
void expect_kept(const std::string& name) {
    const ScratchFolder folder;
    const std::string data = folder / name, limit = folder / ("limit" + name), run = folder / ("run" + name),
                      path = folder / ("path" + name), seen = folder / ("seen" + name);
    make_dataset(data, "6", "10");
    // A neighbour that a lossy path could name.
    make_dataset(folder / "d\xEF\xBF\xBD", "5", "10");
    const auto well = [&](const Arguments& arguments) {
        const ProgramResult result = run_well(arguments);
        EXPECT_EQ((result.out + result.err).find('\x1b'), std::string::npos);
        return result.out;
    };
    well({"limit", data, "-o", limit});
    well({"train", data, "-o", run, "--steps", "5", "--limit", limit});
    well({"path", data, "-o", path, "--lambda", "1e-1:1e-2:1", "--limit", limit});
    well({"limit", "-o", limit, "--resume"});
    expect_contains(well({"train", "-o", run, "--resume", "--steps", "8"}), "steps               8");
    well({"path", "-o", path, "--resume"});
    for (const std::string& subject : {limit, run, path}) {
        well({"analyze", subject});
        well({"concepts", subject});
        EXPECT_TRUE(Json::accept(well({"concepts", subject, "--json"})));
    }
    well({"analyze", run, "-o", seen});
    well({"analyze", "--words", run + "/result.safetensors:W", "--contexts", run + "/result.safetensors:H",
          "--data", data, "-o", seen, "--step", "9"});
    well({"report", run, seen, path, limit, "-o", folder / "report.html"});
    well({"train", "--config", run + "/config.json", "-o", run + "again"});
    // Whoever reads the page or config.json meets text, and no byte of the name is lost.
    const std::string page = read_file(folder / "report.html"), stored = config(run)["dataset"]["path"];
    EXPECT_TRUE(is_utf8(page));
    EXPECT_EQ(page.find("\xEF\xBF\xBD"), std::string::npos);
    EXPECT_EQ(stored.find("\xEF\xBF\xBD"), std::string::npos);
    const std::string log = read_file(seen + "/log.txt");
    EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 2);
    expect_one_line(run_quickly({"train", data, "-o", run}), 2, "holds another run");
    expect_one_line(run_quickly({"report", run + "no", "-o", folder / "x.html"}), 2, "no such run folder");
    expect_one_line(run_quickly({"train", data, data, data}), 2, "");
}

TEST(StrangeNames, AreKeptThroughEveryVerbAndShownOnOneLine) {
    for (const char* name : {"d\xe9", "d\ne\x1b[31m", "d\xc3\xa9\xff\t'\"\\x41"}) {
        SCOPED_TRACE(testing::PrintToString(name));
        expect_kept(name);
    }
}

TEST(BracketedNames, AreNamesAndNoLists) {
    const ScratchFolder folder;
    const std::string binary = NTPGEO_BINARY;
    write_raw(folder / "[a,b]", "one two three one two four\n");
    for (const char* other : {"a", "b"})
        write_raw(folder / other, "another text than the one that was named\n");
    const auto here = [&](const std::string& command) {
        return run_program({"bash", "-c", "cd \"$0\" && \"$1\" " + command, folder.path(), binary});
    };
    expect_contains(here("data text '[a,b]' -o '[ds]'").out, "4 of 4 distinct tokens");
    expect_contains(here("data text '[a,b]' '[a,b]' -o two").out, "2 files");
    EXPECT_EQ(here("train '[ds]' -o '[run]' --steps 2").status, 0);
    EXPECT_EQ(here("report '[run]' -o '[page]'").status, 0);
    for (const char* name : {"[ds]", "[run]", "[page]"}) EXPECT_TRUE(fs::exists(folder / name)) << name;
    for (const char* none : {"'[]'", "'{}'", "'[x]'"})
        expect_one_line(here("report " + std::string(none) + " -o page"), 2,
                        std::string(none).substr(1, std::string(none).size() - 2) + ": no such run folder");
}

}  // namespace
}  // namespace ntpgeo
