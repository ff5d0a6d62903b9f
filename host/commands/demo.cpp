// ntpgeo demo (design 2.1): stories → train → report, in under a minute on two cores.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "host/commands/commands.hpp"
#include "host/commands/data_verbs.hpp"
#include "host/files/atomic_file.hpp"
#include "host/files/dataset_file.hpp"
#include "host/files/file_error.hpp"
#include "host/report/page.hpp"
#include "host/run/device.hpp"
#include "host/run/interrupt.hpp"
#include "host/run/training_run.hpp"
#include "kernels/status.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t demo_stories = 5000;
constexpr std::int64_t demo_steps = 3000;
constexpr const char* marker = ".ntpgeo-demo";

/// An empty folder with the demo's mark. Only a folder with that mark is ever replaced.
void prepare(const fs::path& folder) {
    if (folder.empty()) throw InputError("the empty path names no folder; give the name of a new folder");
    std::error_code error;
    if (fs::exists(folder / marker, error)) {
        // The mark goes last, so that a kill in between leaves a folder that the next demo may replace.
        for (const auto& entry : fs::directory_iterator(folder))
            if (entry.path().filename() != marker) fs::remove_all(entry.path());
        fs::remove(folder / marker);
    }
    if (fs::exists(folder, error) && !(fs::is_directory(folder, error) && fs::is_empty(folder, error)))
        throw InputError(fmt::format(
            "{}: is there already and is no earlier demo; name another folder with -o", printable(folder)));
    if (!fs::create_directory(folder, error) && error)
        throw InputError(fmt::format("{}: cannot be made: {}; name another folder with -o", printable(folder),
                                     error.message()));
    write_file_atomically(folder / marker, "Made by ntpgeo demo, which may replace this folder.\n");
}

std::string figure(const nlohmann::ordered_json& record, const char* key) {
    return record[key].is_number() ? fmt::format("{:.3g}", record[key].get<double>()) : std::string("none");
}

void demo(const std::string& output) {
    const fs::path folder = output;
    prepare(folder);
    const fs::path data = folder / "stories.safetensors";
    std::string lines;
    Dataset dataset = make_stories(demo_stories, 0, NgramOptions{}, lines);
    check_dataset(dataset, "stories");
    write_dataset(data, dataset);
    fmt::print("{}", lines);
    std::fflush(stdout);

    RunConfig config;
    config.dataset = {fs::absolute(data).lexically_normal().string(), content_hash(data)};
    // The falling rate keeps Adam from stirring up the sparse part again once the gradient has nearly
    // vanished.
    Stage& stage = config.training.stages[0];
    stage.steps = demo_steps;
    stage.learning_rate = 0.03;
    stage.schedule = RateSchedule::cosine;
    const auto backend = make_backend(resolve_device(config.device));
    resolve(config, dataset, *backend);
    const InterruptGuard guard;
    RunFolder run = RunFolder::create(folder / "train", to_json(config, dataset));
    run.lock();
    const RunSummary summary = run_training(run, config, dataset, *backend);
    const fs::path report = folder / "report.html";
    write_file_atomically(report, report_page(read_runs({folder / "train"})));

    const SupportClasses classes = support_classes(dataset);
    const auto& first = summary.first;
    const auto& last = summary.last;
    fmt::print("\n{} contexts over {} words with {} support sets, {} steps of adam at d = {}\n",
               dataset.contexts(), dataset.vocab_size, classes.count(), summary.position.step,
               config.training.dim);
    fmt::print("excess loss fell from {} to {}: the loss nears the entropy {:.4f}, its lower bound\n",
               figure(first, "excess_loss"), figure(last, "excess_loss"), last["entropy"].get<double>());
    fmt::print(
        "dominance grew from {} to {}: the low-rank part outgrows the sparse part, whose error is {}\n",
        figure(first, "dominance"), figure(last, "dominance"), figure(last, "in_support_error"));
    fmt::print(
        "subspace collapse went from {} to {}: contexts with the same next-token set fall onto one "
        "direction\n",
        figure(first, "collapse"), figure(last, "collapse"));
    fmt::print("report: {}\n", printable(report));
}

}  // namespace

void add_demo_command(CLI::App& app) {
    auto output = std::make_shared<std::string>("ntpgeo-demo");
    CLI::App* command = app.add_subcommand("demo", "Stories, training and report in under a minute");
    command->add_option("-o,--output", *output, "The folder to make; that of an earlier demo is replaced")
        ->capture_default_str();
    command->callback([output] { demo(*output); });
}

}  // namespace ntpgeo
