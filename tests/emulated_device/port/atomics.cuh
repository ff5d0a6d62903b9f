// Integer atomics of the emulated device. There is no floating-point overload: results must not depend on the
// order in which threads run (design 4.1). Relaxed, as on the device: an atomic orders no other memory.
#pragma once

#define EMULATED_ATOMICS(T)                                                                                \
    inline T atomicAdd(T* address, T value) {                                                              \
        return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);                                       \
    }                                                                                                      \
    inline T atomicAnd(T* address, T value) {                                                              \
        return __atomic_fetch_and(address, value, __ATOMIC_RELAXED);                                       \
    }                                                                                                      \
    inline T atomicOr(T* address, T value) {                                                               \
        return __atomic_fetch_or(address, value, __ATOMIC_RELAXED);                                        \
    }                                                                                                      \
    inline T atomicXor(T* address, T value) {                                                              \
        return __atomic_fetch_xor(address, value, __ATOMIC_RELAXED);                                       \
    }                                                                                                      \
    inline T atomicExch(T* address, T value) {                                                             \
        return __atomic_exchange_n(address, value, __ATOMIC_RELAXED);                                      \
    }                                                                                                      \
    inline T atomicCAS(T* address, T expected, T value) {                                                  \
        __atomic_compare_exchange_n(address, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED); \
        return expected;                                                                                   \
    }                                                                                                      \
    inline T atomicMin(T* address, T value) {                                                              \
        T old = __atomic_load_n(address, __ATOMIC_RELAXED);                                                \
        while (value < old && !__atomic_compare_exchange_n(address, &old, value, false, __ATOMIC_RELAXED,  \
                                                           __ATOMIC_RELAXED)) {                            \
        }                                                                                                  \
        return old;                                                                                        \
    }                                                                                                      \
    inline T atomicMax(T* address, T value) {                                                              \
        T old = __atomic_load_n(address, __ATOMIC_RELAXED);                                                \
        while (old < value && !__atomic_compare_exchange_n(address, &old, value, false, __ATOMIC_RELAXED,  \
                                                           __ATOMIC_RELAXED)) {                            \
        }                                                                                                  \
        return old;                                                                                        \
    }
EMULATED_ATOMICS(int)
EMULATED_ATOMICS(unsigned)
EMULATED_ATOMICS(unsigned long long)
#undef EMULATED_ATOMICS

inline int atomicSub(int* address, int value) {
    return __atomic_fetch_sub(address, value, __ATOMIC_RELAXED);
}
inline unsigned atomicSub(unsigned* address, unsigned value) {
    return __atomic_fetch_sub(address, value, __ATOMIC_RELAXED);
}
