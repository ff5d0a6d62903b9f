// `ntpgeo limit` and `ntpgeo path` as a person uses them.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "host/files/dataset_file.hpp"
#include "host/files/safetensors.hpp"
#include "tests/problems.hpp"
#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

class Exact : public testing::Test {
  protected:
    void SetUp() override { data_ = make_tiny_dataset(folder_); }

    [[nodiscard]] Arguments command(const std::string& verb, const std::string& name,
                                    const Arguments& more = {}) const {
        return Arguments{verb, data_, "-o", folder_ / name} + more;
    }
    std::string run(const std::string& verb, const std::string& name, const Arguments& more = {}) const {
        return run_well(command(verb, name, more)).out;
    }
    /// Expects one line, exit status 2, and everything in the folder and in the run `kept` as it was.
    void expect_refused(const Arguments& arguments, const std::string& said,
                        const std::string& kept = "") const {
        SCOPED_TRACE(said);
        const auto before = contents(folder_.path());
        const auto inside = contents(kept.empty() ? folder_.path() : folder_ / kept);
        expect_one_line(run_quickly(arguments), 2, said);
        EXPECT_EQ(contents(folder_.path()), before);
        if (!kept.empty()) {
            EXPECT_EQ(contents(folder_ / kept), inside);
        }
    }
    /// Writes a data set of uniform labels and makes it the one at hand.
    void use(const std::string& name, std::int64_t vocab,
             const std::vector<std::vector<std::int32_t>>& supports) {
        std::vector<std::vector<double>> probs;
        for (const auto& support : supports)
            probs.emplace_back(support.size(), 1.0 / static_cast<double>(support.size()));
        write_dataset(folder_ / name, make_dataset(vocab, supports, probs));
        data_ = folder_ / name;
    }

    ScratchFolder folder_;
    std::string data_;
};

std::vector<std::string> keys_of(const Json& record) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : record.items()) keys.push_back(key);
    return keys;
}

/// Expects W [V, r], H [m, r] and sigma [r] > 0, descending; returns r.
std::int64_t expect_factors(const fs::path& path, std::int64_t vocab, std::int64_t contexts) {
    const SafetensorsFile file(path);
    EXPECT_EQ(file.metadata().at("format"), "ntpgeo.result.1");
    const HostMatrix words = file.read_matrix("W"), h = file.read_matrix("H");
    const std::vector<double> sigma = file.read<double>("sigma", 1);
    const auto rank = static_cast<std::int64_t>(sigma.size());
    EXPECT_EQ(words.rows, vocab);
    EXPECT_EQ(h.rows, contexts);
    EXPECT_EQ(words.columns, rank);
    EXPECT_EQ(h.columns, rank);
    for (std::size_t k = 0; k < sigma.size(); ++k) EXPECT_GT(sigma[k], 0);
    EXPECT_TRUE(std::is_sorted(sigma.rbegin(), sigma.rend()));
    return rank;
}

TEST_F(Exact, ALimitIsACertificateAndFactors) {
    const std::string out = run("limit", "run", {"--tol", "1e-8"});
    for (const char* said : {"certified from", "relative gap", "proxy test", "iterations"})
        expect_contains(out, said);
    for (const Json& record : records(folder_ / "run"))
        EXPECT_EQ(keys_of(record),
                  (std::vector<std::string>{"iterations", "nuclear_norm", "bound", "relative_gap", "rank",
                                            "proxy_nuclear_norm", "proxy_alignment", "proxy_sign_violations",
                                            "time_s"}));
    const Json last = records(folder_ / "run").back();
    EXPECT_LE(last["relative_gap"].get<double>(), 1e-8);
    EXPECT_LE(last["bound"].get<double>(), last["nuclear_norm"].get<double>());
    EXPECT_LE(last["rank"].get<std::int64_t>(), expect_factors(folder_ / "run/result.safetensors", 20, 60));
    const std::vector<double> sigma =
        SafetensorsFile(folder_ / "run/result.safetensors").read<double>("sigma", 1);
    EXPECT_EQ(last["rank"], std::count_if(sigma.begin(), sigma.end(),
                                          [&](double value) { return value > 1e-6 * sigma[0]; }));
    EXPECT_NEAR(last["nuclear_norm"].get<double>() / std::accumulate(sigma.begin(), sigma.end(), 0.0), 1,
                1e-8);
    const Json config = Json::parse(read_file(folder_ / "run/config.json"));
    EXPECT_EQ(config["command"], "limit");
    EXPECT_EQ(config["tol"], 1e-8);
    EXPECT_EQ(config["dataset"]["hash"], content_hash(read_dataset(data_)));
}

TEST_F(Exact, APathIsARecordALambdaWithEveryFigureOfTraining) {
    run("limit", "limit");
    const std::string out =
        run("path", "run",
            {"--lambda", "1e-2:1e-4:2", "--tol", "1e-7", "--limit", folder_ / "limit", "--save-points"});
    expect_contains(out, "holds every point of this path");
    run_well({"train", data_, "-o", folder_ / "train", "--steps", "1", "--dim", "2"});
    std::vector<std::string> wanted = {"lambda",       "iterations", "objective_excess", "bound_excess",
                                       "relative_gap", "rank",       "nuclear_norm",     "time_s"};
    const std::vector<Json> points = records(folder_ / "run");
    const std::vector<std::string> keys = keys_of(points[0]);
    ASSERT_GT(keys.size(), wanted.size());
    EXPECT_EQ(std::vector<std::string>(keys.begin(), keys.begin() + 8), wanted);
    const std::vector<std::string> left_out = {"step", "step_s", "stage", "precision", "gap_kind"};
    for (const std::string& key : keys_of(records(folder_ / "train")[0]))
        EXPECT_EQ(points[0].contains(key), std::find(left_out.begin(), left_out.end(), key) == left_out.end())
            << key;

    ASSERT_EQ(points.size(), 5U);
    for (std::size_t k = 0; k < points.size(); ++k) {
        EXPECT_LE(points[k]["relative_gap"].get<double>(), 1e-7);
        EXPECT_LE(points[k]["bound_excess"].get<double>(), points[k]["objective_excess"].get<double>());
        EXPECT_TRUE(points[k]["alignment_limit"].is_number());
        EXPECT_GE(expect_factors(folder_ / ("run/point-00000" + std::to_string(k) + ".safetensors"), 20, 60),
                  points[k]["rank"].get<std::int64_t>());
        if (k == 0) continue;
        EXPECT_LT(points[k]["lambda"].get<double>(), points[k - 1]["lambda"].get<double>());
    }
    const SafetensorsFile result(folder_ / "run/result.safetensors");
    const HostMatrix logits = result.read_matrix("bound_logits");
    EXPECT_EQ(logits.rows, 60);
    EXPECT_EQ(logits.columns, 20);
    EXPECT_EQ(result.metadata().at("lambda"), "0.0001");
    EXPECT_TRUE(read_file(folder_ / "run/result.safetensors") ==
                read_file(folder_ / "run/point-000004.safetensors"));
}

TEST_F(Exact, AFinishedRunIsLeftAlone) {
    run("limit", "limit");
    run("path", "path", {"--lambda", "1e-2:1e-3:1"});
    for (const std::string verb : {"limit", "path"}) {
        const auto before = contents(folder_ / verb);
        EXPECT_TRUE(names_beginning(folder_ / verb, "checkpoint-").empty());
        expect_contains(run_well({verb, "-o", folder_ / verb, "--resume"}).out, "finished already");
        EXPECT_EQ(contents(folder_ / verb), before);
        expect_refused(command(verb, verb), "holds another run", verb);
    }
    // Nor need its data set be there.
    fs::rename(data_, folder_ / "elsewhere");
    for (const std::string verb : {"limit", "path"})
        expect_contains(run_well({verb, "-o", folder_ / verb, "--resume"}).out, "finished already");
}

TEST_F(Exact, ResumedOnlyUnderItsOwnSettings) {
    run("limit", "limit");
    run("path", "path", {"--lambda", "1e-2:1e-3:1", "--limit", folder_ / "limit"});
    const std::string other = make_tiny_dataset(folder_, "other", "1");
    const auto refuse = [&](const std::string& verb, const Arguments& more, const std::string& said) {
        expect_refused(Arguments{verb, "-o", folder_ / verb, "--resume"} + more, said, verb);
    };
    for (const std::string verb : {"limit", "path"}) {
        refuse(verb, {"--tol", "1e-7"}, "another setting of --tol");
        refuse(verb, {other}, "another setting of the data set");
    }
    refuse("path", {"--lambda", "1e-2:1e-4:1"}, "another setting of --lambda");
    refuse("path", {"--save-points"}, "another setting of --save-points");
    expect_refused({"path", "-o", folder_ / "limit", "--resume"}, "is not a configuration of ntpgeo path",
                   "limit");
    run_well({"train", data_, "-o", folder_ / "train", "--steps", "1"});
    expect_refused({"limit", "-o", folder_ / "train", "--resume"}, "is not a configuration of ntpgeo limit",
                   "train");
    expect_refused({"train", "-o", folder_ / "limit", "--resume"}, "command", "limit");
    fs::copy_file(other, data_, fs::copy_options::overwrite_existing);
    refuse("limit", {}, "has changed since the run was made");
}

TEST_F(Exact, RefusesWrongArgumentsAndLeavesNothing) {
    run("limit", "limit");
    run_well({"train", data_, "-o", folder_ / "train", "--steps", "1"});
    const std::string other = make_tiny_dataset(folder_, "other", "1");
    for (const std::string verb : {"limit", "path"}) {
        expect_refused({verb, data_}, "--output is missing");
        expect_refused({verb, "-o", folder_ / "new"}, "the data set is missing");
        expect_refused({verb, folder_ / "missing", "-o", folder_ / "new"}, "cannot be opened");
        expect_refused({verb, folder_ / "train/log.txt", "-o", folder_ / "new"}, "log.txt");
        expect_refused(command(verb, "train"), "holds another run", "train");
        for (const char* tolerance : {"0", "-1", "nan", "small"})
            expect_refused(command(verb, "new", {"--tol", tolerance}), "is not a number above 0");
        expect_refused(command(verb, "new", {"--tol", "1e-17"}), "cannot be certified in fp64");
        expect_refused(command(verb, "new", {"--device", "abacus"}), "abacus");
    }
    for (const char* grid : {"1e-1", "1e-1:1e-2:0", "a:b:c", "0:0:1"})
        expect_refused(command("path", "new", {"--lambda", grid}), "is not HI:LO:PER_DECADE");
    expect_refused(command("path", "new", {"--lambda="}), "--lambda");
    expect_refused(command("path", "new", {"--lambda", "1e-3:1e-2:1"}), "rises");
    expect_refused(command("limit", "new", {"--lambda", "1e-1:1e-2:1"}), "--lambda");
    expect_refused(command("path", "new", {"--limit", folder_ / "train"}), "holds a run of train");
    expect_refused({"path", other, "-o", folder_ / "new", "--limit", folder_ / "limit"},
                   "was made from another data set");
}

TEST_F(Exact, ADryRunWritesNothingAndSaysWhereTheBytesGo) {
    const std::string made = (folder_ / "made").string();
    run("limit", "made");
    const auto before = contents(folder_.path()), inside = contents(made);
    for (const char* verb : {"limit", "path"})
        for (const Arguments& where : {Arguments{}, {"-o", folder_ / "new"}}) {
            const std::string out = run_well(Arguments{verb, data_, "--dry-run"} + where).out;
            for (const char* part :
                 {"data set", "solver", "a checkpoint", "result", "s an iteration", "nothing: a dry run"})
                expect_contains(out, part);
            EXPECT_EQ(out.find("metrics") != std::string::npos, std::string(verb) == "path");
        }
    expect_contains(run_well({"limit", "-o", made, "--resume", "--dry-run"}).out, "nothing: a dry run");
    EXPECT_EQ(contents(folder_.path()), before);
    EXPECT_EQ(contents(made), inside);
    expect_refused({"limit", data_, "-o", made, "--dry-run"}, "made", "made");
}

TEST_F(Exact, WhereEverySupportIsFullTheLimitIsZeroInWords) {
    use("full", 7, {{0, 1, 2, 3, 4, 5, 6}, {0, 1, 2, 3, 4, 5, 6}});
    expect_contains(run("limit", "limit"), "L_mm = 0: every support is the whole vocabulary");
    const Json record = records(folder_ / "limit").back();
    for (const char* key : {"bound", "relative_gap", "proxy_alignment", "proxy_sign_violations"})
        EXPECT_TRUE(record[key].is_null()) << key;
    EXPECT_EQ(record["nuclear_norm"], 0.0);
    EXPECT_EQ(expect_factors(folder_ / "limit/result.safetensors", 7, 2), 0);
    // Uniform labels: L = 0 is the whole path, though 1/7 is no number of fp64.
    expect_contains(run("path", "path", {"--lambda", "1e-1:1e-3:1", "--limit", folder_ / "limit"}),
                    "every point of this path is L = 0");
    for (const Json& point : records(folder_ / "path")) {
        EXPECT_EQ(point["relative_gap"], 0.0);
        EXPECT_EQ(point["iterations"], 10);
        EXPECT_TRUE(point["alignment_limit"].is_null());
    }
}

TEST_F(Exact, SmallestCasesAreProvedByTheirProxy) {
    const std::vector<std::pair<std::int64_t, std::vector<std::vector<std::int32_t>>>> cases = {
        {2, {{0}}}, {2, {{0}, {1}}}, {4, {{1, 3}}}, {5, {{0}, {1}, {2}, {3}, {4}}}};
    for (std::size_t k = 0; k < cases.size(); ++k) {
        SCOPED_TRACE(k);
        const auto& [vocab, supports] = cases[k];
        const std::string number = std::to_string(k);
        use("data-" + number, vocab, supports);
        expect_contains(run("limit", "limit-" + number, {"--tol", "1e-10"}), "exactly L_mm");
        const Json record = records(folder_ / ("limit-" + number)).back();
        EXPECT_EQ(record["proxy_sign_violations"], 0.0);
        EXPECT_NEAR(record["nuclear_norm"].get<double>(), record["proxy_nuclear_norm"].get<double>(), 1e-9);
        run("path", "path-" + number, {"--lambda", "1e-2:1e-4:1"});
        const Json point = records(folder_ / ("path-" + number)).back();
        EXPECT_LE(point["relative_gap"].get<double>(), 1e-6);
        EXPECT_NEAR(point["alignment_limit"].get<double>(), 1, 1e-9);
    }
    // One-hot: m = V = 5, the simplex, ‖S̃‖_* = V − 1.
    EXPECT_NEAR(records(folder_ / "limit-3").back()["nuclear_norm"].get<double>(), 4, 1e-9);
}

/// Runs that last for seconds.
class LongExact : public Exact {
  protected:
    void SetUp() override {
        data_ = folder_ / "long";
        run_well({"data", "synth", "-o", data_, "--vocab", "200", "--contexts", "2000", "--supports", "1500",
                  "--support-size", "2:5"});
    }
    /// Sends a signal once the run has `lines` records, and expects that it was still at work.
    ProgramResult stop(const Arguments& arguments, const std::string& name, std::size_t lines,
                       int signal) const {
        RunningProgram program(on_one_thread(arguments));
        EXPECT_TRUE(program.wait_until([&] { return lines_of(name) >= lines; }));
        program.send(signal);
        return program.wait();
    }
    [[nodiscard]] std::size_t lines_of(const std::string& name) const {
        const fs::path file = folder_ / name / "metrics.jsonl";
        if (!fs::exists(file)) return 0;
        const std::string text = read_file(file);
        return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    }
    void expect_resumable(const std::string& verb, const ProgramResult& result) const {
        EXPECT_EQ(result.status, 130) << result.err;
        expect_contains(result.err, "interrupted at");
        expect_contains(result.err, "ntpgeo " + verb + " -o");
        EXPECT_EQ(names_beginning(folder_ / "run", "checkpoint-").size(), 1U);
    }
};

TEST_F(LongExact, AnInterruptedLimitLeavesItsBestPointAndGoesOn) {
    const Arguments begin = command("limit", "run", {"--tol", "1e-8"}),
                    again = {"limit", "-o", folder_ / "run", "--resume"};
    expect_resumable("limit", stop(begin, "run", 1, SIGINT));
    expect_factors(folder_ / "run/result.safetensors", 200, 2000);
    const Arguments measure = {"train", data_, "--dim", "2", "--steps", "1", "--limit", folder_ / "run"};
    expect_contains(run_well(measure + Arguments{"-o", folder_ / "against"}).err,
                    "run was interrupted at a relative gap of");
    const std::size_t before = lines_of("run");
    // A kill later leaves the checkpoint, whatever it wrote since.
    EXPECT_EQ(stop(again, "run", before + 1, SIGKILL).status, 128 + SIGKILL);
    run_well(again);
    const std::vector<Json> all = records(folder_ / "run");
    EXPECT_LE(all.back()["relative_gap"].get<double>(), 1e-8);
    for (std::size_t i = 1; i < all.size(); ++i) {
        EXPECT_GT(all[i]["iterations"].get<std::int64_t>(), all[i - 1]["iterations"].get<std::int64_t>());
        EXPECT_GE(all[i]["time_s"].get<double>(), all[i - 1]["time_s"].get<double>());
    }
    expect_contains(run_well(again).out, "finished already");
    EXPECT_EQ(run_well(measure + Arguments{"-o", folder_ / "later"}).err.find("note:"), std::string::npos);
}

TEST_F(LongExact, AnInterruptedPathGoesOnAtItsPoint) {
    const Arguments begin = command("path", "run", {"--lambda", "1e-2:1e-5:1", "--tol", "1e-5"}),
                    again = {"path", "-o", folder_ / "run", "--resume"};
    expect_resumable("path", stop(begin, "run", 1, SIGINT));
    EXPECT_FALSE(fs::exists(folder_ / "run/result.safetensors"));
    EXPECT_EQ(stop(again, "run", 2, SIGKILL).status, 128 + SIGKILL);
    run_well(again);
    const std::vector<Json> points = records(folder_ / "run");
    ASSERT_EQ(points.size(), 4U);
    for (std::size_t k = 0; k < points.size(); ++k) {
        EXPECT_LE(points[k]["relative_gap"].get<double>(), 1e-5);
        EXPECT_NEAR(std::log10(points[k]["lambda"].get<double>()), -2.0 - static_cast<double>(k), 1e-12);
    }
    expect_factors(folder_ / "run/result.safetensors", 200, 2000);
}

TEST_F(LongExact, KilledBeforeAnyCheckpointStartsAnew) {
    const Arguments begin = command("limit", "run", {"--tol", "1e-8"});
    EXPECT_EQ(stop(begin, "run", 1, SIGKILL).status, 128 + SIGKILL);
    run_well({"limit", "-o", folder_ / "run", "--resume"});
    run("limit", "reference", {"--tol", "1e-8"});
    expect_same_run(folder_ / "run", folder_ / "reference");
}

}  // namespace
}  // namespace ntpgeo
