#include <lapacke.h>

#include <string>

#include "kernels/base/status.hpp"
#include "kernels/cpu/blas.hpp"
#include "kernels/svd/small.hpp"

namespace ntpgeo {

std::vector<double> CpuSmallDecompositions::small_svd(Matrix a, Matrix left, Matrix right) {
    const OneBlasThread guard;
    std::vector<double> values(static_cast<std::size_t>(a.rows));
    if (a.rows == 0) return values;
    const auto n = static_cast<lapack_int>(a.rows);
    const lapack_int info = LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'S', n, n, a.as<double>(), n, values.data(),
                                           left.as<double>(), n, right.as<double>(), n);
    if (info != 0) throw Failure("LAPACK dgesdd failed with info " + std::to_string(info));
    return values;
}

}  // namespace ntpgeo
