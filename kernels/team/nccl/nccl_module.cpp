// What the module of NCCL shows.
#include "kernels/base/boundary_stamp.hpp"
#include "kernels/team/nccl/team_nccl.hpp"

extern "C" {

const char* ntpgeo_team_stamp() {
    return ntpgeo::boundary_stamp;
}

const ntpgeo::NcclModule* ntpgeo_nccl_module() {
    static constexpr ntpgeo::NcclModule module{ntpgeo::new_nccl_id, ntpgeo::join_nccl_ranks};
    return &module;
}
}
