// ntpgeo_train.
#include <span>

#include "engine/machine/device.hpp"
#include "engine/machine/seconds.hpp"
#include "engine/runs/record_cost.hpp"
#include "engine/runs/training.hpp"
#include "engine/training/update_clock.hpp"
#include "library/handles.hpp"

namespace ntpgeo {
namespace {

class TrainCall {
  public:
    TrainCall(const ntpgeo_dataset& data, const ntpgeo_settings* settings, const ntpgeo_result* limit,
              const ntpgeo_watch* watch, ntpgeo_result& result)
        : watch_(watch),
          settings_(train_settings(settings)),
          backend_(make_backend(resolve_device(settings_.device))),
          measured_(start(data.data, limit)),
          trainer_(measured_.trainer()),
          result_(result) {
        measured_.call_between_parts([this] { watch_.poll(); });
    }

    void work() {
        watch_.poll();
        record_where_due();
        while (!trainer_.finished()) {
            updates_.time([this] { advance(); }, [this] { return trainer_.step(); });
            watch_.poll();
            record_where_due();
        }
        if (recorded_ != trainer_.step()) record();
    }

    /// Into the result, what there is of the run.
    void keep() {
        trainer_.settle();
        for (const StateTensor& tensor : trainer_.parameters())
            result_.matrices.insert_or_assign(tensor.name, matrix_of(tensor));
        result_.steps = trainer_.step();
        result_.reached = trainer_.finished();
        result_.at_rest = trainer_.at_noise_floor() || trainer_.stationary();
    }

    [[nodiscard]] std::string place() const { return fmt::format("at step {}", trainer_.step()); }

  private:
    MeasuredTraining start(const Dataset& dataset, const ntpgeo_result* limit) {
        settle(settings_, dataset, *backend_);
        const std::optional<LimitFactors> factors = given_limit(limit, dataset);
        return {*backend_, dataset, factors ? &*factors : nullptr, settings_};
    }

    void advance() {
        trainer_.advance();
        // A record looks at the parameters; until then updates may be queued.
        if (measured_.record_due() || trainer_.stage_over()) trainer_.settle();
    }

    void record_where_due() {
        if (measured_.record_due()) record();
    }

    void record() {
        Record made = measured_.record(clock_.elapsed(), updates_.read());
        recorded_ = trainer_.step();
        watch_.show(result_.add(std::move(made)));
    }

    static ntpgeo_result::Matrix matrix_of(const StateTensor& tensor) {
        ntpgeo_result::Matrix matrix{tensor.shape[0], tensor.shape[1], {}};
        const auto count = static_cast<std::size_t>(matrix.rows * matrix.columns);
        const auto take = [&](const auto* values) { matrix.values.assign(values, values + count); };
        if (tensor.real == Real::fp64)
            take(reinterpret_cast<const double*>(tensor.bytes.data()));
        else
            take(reinterpret_cast<const float*>(tensor.bytes.data()));
        return matrix;
    }

    Watch watch_;
    RunSettings settings_;
    std::unique_ptr<Backend> backend_;
    MeasuredTraining measured_;
    Trainer& trainer_;
    ntpgeo_result& result_;
    UpdateClock updates_;
    std::int64_t recorded_ = -1;
    Stopwatch clock_;
};

}  // namespace
}  // namespace ntpgeo

extern "C" int ntpgeo_train(const ntpgeo_dataset* data, const ntpgeo_settings* settings,
                            const ntpgeo_result* limit, const ntpgeo_watch* watch, ntpgeo_result** result) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(result, "result");
        *result = nullptr;
        ntpgeo::require(data, "data");
        auto made = std::make_unique<ntpgeo_result>();
        ntpgeo::TrainCall call(*data, settings, limit, watch, *made);
        int status = NTPGEO_OK;
        try {
            call.work();
        } catch (const ntpgeo::Stopped&) {
            status = ntpgeo::stopped("train: stopped by the caller " + call.place());
        }
        call.keep();
        *result = made.release();
        return status;
    });
}
