#include "engine/geometry/rounding.hpp"

#include <cmath>

namespace ntpgeo {
namespace {

/// Of a number as the products take it.
double unit_roundoff(Precision products) {
    switch (products) {
        case Precision::bf16:
            return 0x1p-9;
        case Precision::tf32:
            return 0x1p-12;
        case Precision::bf16x3:
        case Precision::fp32:
            return 0x1p-24;
        case Precision::fp64:
            break;
    }
    return 0x1p-53;
}

}  // namespace

std::optional<double> ratio(double numerator, double denominator, double rounding) {
    if (!(denominator > rounding)) return std::nullopt;
    return numerator / denominator;
}

double logit_rounding(Precision products, std::int64_t dim) {
    const double root = std::sqrt(static_cast<double>(dim));
    double share = root * 0x1p-53;
    if (products != Precision::fp64) share += unit_roundoff(products) / root + 0x1p-24;
    return 4 * share;
}

double into_range(double norm) {
    if (!(norm > 0) || (norm > 0x1p-200 && norm < 0x1p+200)) return 1;
    return std::exp2(-std::floor(std::log2(norm)));
}

double norm(Backend& backend, Vector x) {
    return norm(backend, backend.dot(x, x), x);
}

double norm(Backend& backend, double square, Vector x) {
    return norm_of_square(
        square, [&] { return backend.dot(x, x); }, [&](double by) { backend.scale(by, x); });
}

}  // namespace ntpgeo
