// ntpgeo_bench: every subject in one program and one JSON (Google Benchmark's own options; see bench/run).
#include <cblas.h>
#include <omp.h>

#include <string>

#include "bench/subjects.hpp"

int main(int argc, char** argv) {
    using namespace ntpgeo::bench;
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::AddCustomContext("openblas", openblas_get_config());
    benchmark::AddCustomContext("openblas_core", openblas_get_corename());
    benchmark::AddCustomContext("threads", std::to_string(omp_get_max_threads()));
    register_loss_step();
    register_python_peers();
    register_metrics();
    register_text();
    register_exact();
    return run_registered();
}
