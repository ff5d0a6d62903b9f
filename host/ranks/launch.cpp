#include "host/ranks/launch.hpp"

#include <cstdlib>

#include "engine/settings/parse_number.hpp"

namespace ntpgeo {
namespace {

std::optional<int> number(const char* name) {
    const char* const text = std::getenv(name);
    std::int64_t value = 0;
    if (text == nullptr || !parse_number(std::string(text), value) || value < 0 || value > 1'000'000)
        return std::nullopt;
    return static_cast<int>(value);
}

}  // namespace

Launch read_launch() {
    if (const auto size = number("OMPI_COMM_WORLD_SIZE"), rank = number("OMPI_COMM_WORLD_RANK"); size && rank)
        return {"mpirun of Open MPI", Mpi::open_mpi, *rank, *size};
    if (const auto size = number("PMI_SIZE"), rank = number("PMI_RANK"); size && rank)
        return {"mpirun of MPICH", Mpi::mpich, *rank, *size};
    if (const auto rank = number("PMIX_RANK")) return {"a launcher with PMIx", Mpi::open_mpi, *rank, 0};
    const auto size = number("WORLD_SIZE"), rank = number("RANK"), local_rank = number("LOCAL_RANK");
    const bool full = size && rank && local_rank && std::getenv("MASTER_ADDR") != nullptr &&
                      std::getenv("MASTER_PORT") != nullptr;
    if (!full || *size < 2) return {};
    std::string job;
    for (const char* name :
         {"MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT"}) {
        const char* const value = std::getenv(name);
        job += value ? value : "";
        job += ' ';
    }
    return {"torchrun", std::nullopt, *rank, *size, *local_rank, job};
}

}  // namespace ntpgeo
