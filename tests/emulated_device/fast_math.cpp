// The fast-math intrinsics whose names glibc's math.h declares (and does not define): with the declarations
// in every kernel's sight, an inline definition in the port layer would clash with them.
#include <cmath>

extern "C" {

float __expf(float x) noexcept {
    return exp2f(x * 1.4426950408889634f);
}
float __exp10f(float x) noexcept {
    return exp2f(x * 3.3219280948873623f);
}
float __log2f(float x) noexcept {
    return log2f(x);
}
float __logf(float x) noexcept {
    return log2f(x) * 0.6931471805599453f;
}
float __log10f(float x) noexcept {
    return log2f(x) * 0.3010299956639812f;
}
float __powf(float x, float y) noexcept {
    return exp2f(y * log2f(x));
}
}
