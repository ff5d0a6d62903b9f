// What every bench program does around its cases: the table on the terminal, and the exit status.
#include <string>
#include <vector>

#include "bench/subjects.hpp"

namespace ntpgeo::bench {
namespace {

bool any_failure = false;

/// The medians alone (or a case that ran once), and what went wrong; the JSON has every repetition.
class MedianTable final : public benchmark::ConsoleReporter {
  public:
    MedianTable() : ConsoleReporter(OO_Tabular) {}
    void ReportRuns(const std::vector<Run>& runs) override {
        std::vector<Run> shown;
        for (const Run& run : runs)
            if (run.aggregate_name == "median" || runs.size() == 1 || (run.error_occurred && shown.empty()))
                shown.push_back(run);
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

int run_registered() {
    MedianTable table;
    if (benchmark::RunSpecifiedBenchmarks(&table) == 0)
        return 2;  // the library has said that nothing matched
    kept_setup() = {};
    return any_failure ? 1 : 0;
}

}  // namespace ntpgeo::bench
