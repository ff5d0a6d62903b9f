// ntpgeo_bench: every subject in one program and one JSON (Google Benchmark's own options; see bench/run).
#include <cblas.h>
#include <omp.h>

#include <string>
#include <vector>

#include "bench/subjects.hpp"

namespace ntpgeo::bench {
namespace {

bool any_failure = false;

/// The medians alone, and what went wrong; the JSON has every repetition.
class MedianTable final : public benchmark::ConsoleReporter {
  public:
    MedianTable() : ConsoleReporter(OO_Tabular) {}
    void ReportRuns(const std::vector<Run>& runs) override {
        std::vector<Run> shown;
        for (const Run& run : runs)
            if (run.aggregate_name == "median" || (run.error_occurred && shown.empty())) shown.push_back(run);
        if (!shown.empty()) ConsoleReporter::ReportRuns(shown);
    }
};

}  // namespace

void fail(benchmark::State& state, const std::string& message) {
    any_failure = true;
    state.SkipWithError(message.c_str());
}

KeptSetup& kept_setup() {
    static KeptSetup kept;
    return kept;
}

}  // namespace ntpgeo::bench

int main(int argc, char** argv) {
    using namespace ntpgeo::bench;
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::AddCustomContext("openblas", openblas_get_config());
    benchmark::AddCustomContext("openblas_core", openblas_get_corename());
    benchmark::AddCustomContext("threads", std::to_string(omp_get_max_threads()));
    register_loss_step();
    register_numpy_peer();
    register_metrics();
    register_text();
    MedianTable table;
    if (benchmark::RunSpecifiedBenchmarks(&table) == 0)
        return 2;  // the library has said that nothing matched
    kept_setup() = {};
    return any_failure ? 1 : 0;
}
