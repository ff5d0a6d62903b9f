// A dense matrix in the host's memory, as files give it.
#pragma once

#include <cstdint>
#include <vector>

namespace ntpgeo {

struct HostMatrix {
    std::int64_t rows = 0, columns = 0;
    std::vector<double> values;  ///< [rows, columns] row-major
};

}  // namespace ntpgeo
