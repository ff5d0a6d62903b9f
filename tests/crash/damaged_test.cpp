// Checkpoints and results that a disk, a copy or a crash has damaged: what was written before them serves
// (design 2.1), with the same bits in the end.
#include <gtest/gtest.h>

#include <functional>

#include "host/files/safetensors.hpp"
#include "tests/crash/resume.hpp"

namespace ntpgeo {
namespace {

using Damage = std::function<std::string(std::string)>;

/// Bit 4 of the byte at a share of the file's length.
Damage flip_at(double share) {
    return [share](std::string bytes) {
        char& byte = bytes[static_cast<std::size_t>(share * static_cast<double>(bytes.size()))];
        byte = static_cast<char>(byte ^ 16);
        return bytes;
    };
}

const std::vector<std::pair<const char*, Damage>>& damages() {
    static const std::vector<std::pair<const char*, Damage>> all = {
        {"empty", [](const std::string&) { return std::string(); }},
        {"cut in its header", [](const std::string& bytes) { return bytes.substr(0, 40); }},
        {"cut in its data", [](const std::string& bytes) { return bytes.substr(0, bytes.size() - 1); }},
        {"longer", [](const std::string& bytes) { return bytes + "x"; }},
        {"zeros", [](const std::string& bytes) { return std::string(bytes.size(), '\0'); }},
        {"a bit of its header", flip_at(0.02)},
        {"a bit of W", flip_at(0.25)},
        {"a bit of H", flip_at(0.35)},
    };
    return all;
}

void damage(const fs::path& file, const Damage& how) {
    write_raw(file, how(read_file(file)));
}

class Damaged : public Resume {
  protected:
    /// A run of 120 steps as a kill after step 100 has left it, with checkpoints at 50 and 100.
    fs::path stopped_run(const std::string& name) {
        if (!fs::exists(folder_ / "reference"))
            reference_ = train("reference", {"--steps", "120", "--metrics-every", "10", "--checkpoint-every",
                                             "50", "--keep-checkpoints", "3"});
        fs::create_directory(folder_ / name);
        for (const auto& entry : fs::directory_iterator(reference_))
            if (entry.path().filename() != "result.safetensors" && entry.path().filename() != last_)
                fs::copy_file(entry.path(), folder_ / name / entry.path().filename());
        fs::remove(folder_ / name / "log.txt");
        return folder_ / name;
    }

    fs::path reference_;
    const std::string older_ = "checkpoint-000000000050.safetensors",
                      newest_ = "checkpoint-000000000100.safetensors",
                      last_ = "checkpoint-000000000120.safetensors";
};

TEST_F(Damaged, ANewestCheckpointFallsBackToTheOneBefore) {
    int number = 0;
    for (const auto& [name, how] : damages()) {
        SCOPED_TRACE(name);
        const fs::path run = stopped_run("run" + std::to_string(number++));
        damage(run / newest_, how);
        const std::string said = (run / newest_).string() + " is damaged (";
        const ProgramResult result = run_well({"train", "-o", run, "--resume"});
        EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
        expect_contains(result.err, "note: " + said);
        const std::string log = read_file(run / "log.txt");
        expect_contains(log, said);
        expect_contains(log, " training from step 50 on cpu\n");
        EXPECT_LT(log.find(said), log.find("training from step 50"));
        expect_same_run(run, reference_);
        // What is there in the end is whole.
        EXPECT_EQ(names_beginning(run, "checkpoint-"), (std::vector<std::string>{older_, newest_, last_}));
        for (const std::string& file : names_beginning(run, "checkpoint-"))
            EXPECT_TRUE(read_file(run / file).substr(0, 500) == read_file(reference_ / file).substr(0, 500) ||
                        SafetensorsFile(run / file).metadata_number<double>("elapsed_s"));
    }
}

TEST_F(Damaged, ADamagedCheckpointIsNoneOfThoseThatAreKept) {
    const fs::path run = stopped_run("run");
    std::string config = read_file(run / "config.json");
    const std::string keep = "\"keep_checkpoints\": ", every = "\"checkpoint_every\": ";
    config.replace(config.find(keep + "3"), keep.size() + 1, keep + "1");
    config.replace(config.find(every + "50"), every.size() + 2, every + "30");
    write_raw(run / "config.json", config);
    damage(run / newest_, flip_at(0.25));
    // Stopped between 50 and 100, where the damaged one still bears the highest number.
    RunningProgram program(on_one_thread({"train", "-o", run, "--resume"}));
    program.wait_until([&] { return fs::exists(run / "checkpoint-000000000060.safetensors"); });
    program.send(SIGKILL);
    program.wait();
    run_well({"train", "-o", run, "--resume"});
    EXPECT_EQ(read_file(run / "log.txt").find("training from step 100"), std::string::npos);
    expect_same_run(run, reference_);
    EXPECT_EQ(names_beginning(run, "checkpoint-"), std::vector<std::string>{last_});
}

TEST_F(Damaged, WhereEveryCheckpointIsOneLineNamesThemAll) {
    const fs::path run = stopped_run("run");
    damage(run / newest_, flip_at(0.25));
    damage(run / older_, damages()[0].second);
    write_raw(run / "log.txt", "");
    const auto before = contents(run);
    const ProgramResult result = run_quickly({"train", "-o", run, "--resume"});
    for (const std::string& part :
         {(run / newest_).string(), (run / older_).string(), std::string("is empty"), std::string("'H'"),
          std::string("remove them to begin again")})
        expect_one_line(result, 2, part);
    EXPECT_EQ(contents(run), before);
    fs::remove(run / newest_);
    fs::remove(run / older_);
    run_well({"train", "-o", run, "--resume"});
    expect_same_run(run, reference_);
}

TEST_F(Damaged, ACheckpointWithoutChecksumsIsRead) {
    const fs::path run = stopped_run("run");
    const SafetensorsFile whole(run / newest_);
    std::map<std::string, std::string> metadata;
    for (const auto& [key, value] : whole.metadata())
        if (!key.starts_with("checksum")) metadata[key] = value;
    EXPECT_LT(metadata.size() + 3, whole.metadata().size());
    std::map<std::string, std::vector<double>> values;
    std::vector<TensorToWrite> tensors;
    for (const auto& [name, info] : whole.tensors()) {
        values[name] = whole.read<double>(name, info.shape.size());
        tensors.push_back(tensor_to_write(name, info.shape, values[name]));
    }
    write_safetensors(run / newest_, tensors, metadata);
    run_well({"train", "-o", run, "--resume"});
    expect_contains(read_file(run / "log.txt"), "training from step 100 on cpu");
    expect_same_run(run, reference_);
}

TEST_F(Damaged, AFinishedRunsResultIsMadeAgain) {
    const fs::path run = train("run", {"--steps", "30"});
    const std::string whole = read_file(run / "result.safetensors");
    damage(run / "result.safetensors", damages()[1].second);
    expect_contains(run_well({"train", "-o", run, "--resume"}).err, "the run makes it again");
    EXPECT_TRUE(read_file(run / "result.safetensors") == whole);
    for (const std::string verb : {"limit", "path"}) {
        const fs::path exact = folder_ / verb;
        run_well({verb, data_, "-o", exact});
        const std::string before = read_file(exact / "result.safetensors");
        damage(exact / "result.safetensors", damages()[0].second);
        expect_contains(run_well({verb, "-o", exact, "--resume"}).err, "the run makes it again");
        EXPECT_TRUE(read_file(exact / "result.safetensors") == before);
    }
}

TEST_F(Damaged, WhatReadsARunTakesWhatIsWhole) {
    const fs::path run = stopped_run("run");
    const auto step_of = [](const ProgramResult& result) {
        return Json::parse(result.out)["step"].get<int>();
    };
    for (const auto& [name, how] : damages()) {
        SCOPED_TRACE(name);
        const std::string whole = read_file(run / newest_);
        damage(run / newest_, how);
        const ProgramResult result = run_well({"analyze", run});
        EXPECT_EQ(step_of(result), 50);
        expect_contains(result.err, "note: " + (run / newest_).string() + " is damaged (");
        expect_contains(run_well({"concepts", run}).out, older_ + ":W");
        write_raw(run / newest_, whole);
        EXPECT_EQ(step_of(run_well({"analyze", run})), 100);
    }
    // What is not read may be damaged.
    damage(run / newest_, flip_at(0.9));
    EXPECT_EQ(step_of(run_well({"analyze", run})), 100);
    // A result before what made it, and before checkpoints that are newer.
    damage(reference_ / "result.safetensors", flip_at(0.5));
    const ProgramResult from_checkpoint = run_well({"analyze", reference_});
    EXPECT_EQ(step_of(from_checkpoint), 120);
    expect_contains(from_checkpoint.err, "result.safetensors is damaged (");
    damage(run / newest_, flip_at(0.25));
    damage(run / older_, flip_at(0.25));
    const ProgramResult nothing = run_quickly({"analyze", run});
    for (const std::string& file : {older_, newest_}) expect_one_line(nothing, 2, file + " is damaged");
}

TEST_F(Damaged, ALimitsResultIsRefusedByName) {
    run_well({"limit", data_, "-o", folder_ / "limit"});
    damage(folder_ / "limit/result.safetensors", flip_at(0.9));
    for (const Arguments& command : {Arguments{"analyze", folder_ / "limit"},
                                     {"train", data_, "-o", folder_ / "new", "--limit", folder_ / "limit"}})
        expect_one_line(run_quickly(command), 2, "limit/result.safetensors: the bytes of its tensor");
    EXPECT_FALSE(fs::exists(folder_ / "new"));
}

TEST_F(Damaged, ExactRunsFallBackToo) {
    run_well({"data", "synth", "-o", folder_ / "long", "--vocab", "150", "--contexts", "800", "--supports",
              "700", "--support-size", "2:5"});
    const std::vector<Arguments> commands = {
        {"limit", folder_ / "long", "-o", folder_ / "limit", "--tol", "1e-8"},
        {"path", folder_ / "long", "-o", folder_ / "path", "--lambda", "1e-2:1e-6:1", "--tol", "1e-6"}};
    for (const Arguments& command : commands) {
        const fs::path run = command[3];
        const Arguments again = {command[0], "-o", run, "--resume"};
        SCOPED_TRACE(command[0]);
        RunningProgram program(on_one_thread(command));
        for (std::size_t wanted = 1; wanted <= 2; ++wanted) {
            program.wait_until([&] { return lines_of_metrics(run) >= wanted; });
            program.send(SIGUSR1);
            ASSERT_TRUE(
                program.wait_until([&] { return names_beginning(run, "checkpoint-").size() == wanted; }));
        }
        program.send(SIGKILL);
        program.wait();
        const std::vector<std::string> both = names_beginning(run, "checkpoint-");
        ASSERT_EQ(both.size(), 2U);
        damage(run / both[1], flip_at(0.7));
        const ProgramResult result = run_well(again);
        expect_contains(result.err, both[1] + " is damaged (");
        expect_contains(read_file(run / "log.txt"), both[1] + " is damaged (");
        for (const Json& record : records(run)) EXPECT_TRUE(record["relative_gap"].is_number());
        EXPECT_LE(records(run).back()["relative_gap"].get<double>(), 1e-6);

        for (const std::string& file : both) write_raw(run / file, "{}");
        fs::remove(run / "result.safetensors");
        for (const std::string& file : names_beginning(run, "checkpoint-")) write_raw(run / file, "");
        expect_one_line(run_quickly(again), 2, "remove them to begin again");
    }
}

}  // namespace
}  // namespace ntpgeo
