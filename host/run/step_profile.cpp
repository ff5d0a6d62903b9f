#include "host/run/step_profile.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "engine/training/settings.hpp"
#include "host/files/atomic_file.hpp"
#include "host/run/device_use.hpp"
#include "host/run/run_files.hpp"
#include "host/terminal/numbers.hpp"

namespace ntpgeo {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

std::vector<StepPart> parts_of_step(const std::vector<RegionTime>& measured, std::int64_t updates,
                                    double seconds) {
    const auto of = [&](Region region, const char* name) {
        const RegionTime& time = measured.at(static_cast<std::size_t>(region));
        const auto count = static_cast<double>(updates);
        return StepPart{name, static_cast<double>(time.calls) / count, time.seconds / count};
    };
    StepPart loss = of(Region::loss, "other passes of the loss step");
    const StepPart products = of(Region::product, "products"), stream = of(Region::stream, "stream passes"),
                   update = of(Region::update, "update of the parameters");
    const StepPart ranks = of(Region::ranks, "sums and ranks");
    const double rest = seconds - loss.seconds - update.seconds;
    loss.seconds -= products.seconds + stream.seconds + ranks.seconds;
    std::vector<StepPart> parts{products, stream, loss, update, {"rest", 1, rest}};
    if (ranks.calls_per_step > 0) parts.insert(parts.begin() + 3, ranks);
    return parts;
}

void StepProfiler::advance(Trainer& trainer) {
    if (measured_ == wanted_) return trainer.advance();
    if (before_ > 0) {
        --before_;
        return trainer.advance();
    }
    if (measured_ == 0) first_step_ = trainer.step() + 1;
    trainer.settle();
    backend_.measure(true);  // of this update alone: a record has products, too
    const auto start = Clock::now();
    trainer.advance();
    trainer.settle();
    seconds_ += std::chrono::duration<double>(Clock::now() - start).count();
    const std::vector<RegionTime> update = backend_.measured();
    backend_.measure(false);
    for (std::size_t region = 0; region < region_count; ++region) {
        times_[region].calls += update[region].calls;
        times_[region].seconds += update[region].seconds;
    }
    ++measured_;
    stage_ = trainer.position().stage;
    if (measured_ == wanted_) write(trainer);
}

void StepProfiler::end(const Trainer& trainer) {
    if (measured_ == 0 || measured_ == wanted_) return;
    wanted_ = measured_;
    write(trainer);
}

void StepProfiler::write(const Trainer& trainer) {
    const double seconds = seconds_ / static_cast<double>(measured_);
    const std::vector<StepPart> parts = parts_of_step(times_, measured_, seconds);
    const Stage& stage = trainer.stage();
    const std::optional<double> share = share_of_peak(backend_, shape_, stage, seconds);
    const bool cpu = backend_.device() == "cpu";
    const DeviceMemory memory = backend_.memory();
    using Json = nlohmann::ordered_json;
    Json json = {{"format", "ntpgeo.profile.1"},
                 {"device", backend_.device()},
                 {"hardware", cpu ? Json() : Json(backend_.hardware())},
                 {"vocab_size", shape_.vocab_size},
                 {"contexts", shape_.contexts},
                 {"dim", shape_.dim},
                 {"stage", stage_ + 1},
                 {"optimizer", name_of(stage.optimizer)},
                 {"precision", name_of(stage.precision)},
                 {"first_step", first_step_},
                 {"steps", measured_},
                 {"step_s", seconds},
                 {"share_of_peak", share ? Json(*share) : Json()},
                 {"memory_used", cpu ? Json() : Json(memory.total - memory.free)},
                 {"memory_total", cpu ? Json() : Json(memory.total)},
                 {"parts", Json::array()}};
    const std::string use = words_of_use(backend_, shape_, stage, seconds);
    folder_.log(fmt::format("profile of {} from step {} on, {} in {} on {}: {:.3g} s a step{}{}",
                            plural(measured_, "step"), first_step_, name_of(stage.optimizer),
                            name_of(stage.precision), backend_.device(), seconds, use.empty() ? "" : ", ",
                            use));
    for (const StepPart& part : parts) {
        folder_.log(fmt::format("  {:<30} {:>8.3g} a step {:>10.3g} s {:>6.1f} %", part.name,
                                part.calls_per_step, part.seconds, 100 * part.seconds / seconds));
        json["parts"].push_back(
            {{"part", part.name}, {"calls_per_step", part.calls_per_step}, {"step_s", part.seconds}});
    }
    write_file_atomically(folder_.path() / profile_name, json.dump(2) + "\n");
}

}  // namespace ntpgeo
