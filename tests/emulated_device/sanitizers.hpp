// What the sanitizers must be told: which memory is off limits, when fibres switch, what orders memory.
// Without a sanitizer all of it is nothing. The emulator itself is never instrumented by the thread sanitizer
// (a fibre's switch would confuse it), only told about through these calls.
#pragma once

#include <dlfcn.h>

#include <cstddef>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef EMULATED_DEVICE_THREAD_SANITIZER
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/tsan_interface.h>
#endif

namespace emulated_device {

/// Fills memory with 0xff bytes: NaN in every floating-point format, -1 as an integer. Not intercepted, so
/// that it may write to what is off limits.
inline void poison(void* memory, std::size_t bytes) {
    asm volatile("rep stosb" : "+D"(memory), "+c"(bytes) : "a"(0xff) : "memory");
}

namespace sanitizer {

#ifdef __SANITIZE_ADDRESS__
constexpr bool address = true;
inline void forbid(const void* memory, std::size_t bytes) {
    __asan_poison_memory_region(memory, bytes);
}
inline void allow(const void* memory, std::size_t bytes) {
    __asan_unpoison_memory_region(memory, bytes);
}
inline void start_switch(void** fake_stack, const void* stack_bottom, std::size_t stack_bytes) {
    __sanitizer_start_switch_fiber(fake_stack, stack_bottom, stack_bytes);
}
inline void finish_switch(void* fake_stack, const void** old_bottom, std::size_t* old_bytes) {
    __sanitizer_finish_switch_fiber(fake_stack, old_bottom, old_bytes);
}
#else
constexpr bool address = false;
inline void forbid(const void*, std::size_t) {}
inline void allow(const void*, std::size_t) {}
inline void start_switch(void**, const void*, std::size_t) {}
inline void finish_switch(void*, const void**, std::size_t*) {}
#endif

#ifdef EMULATED_DEVICE_THREAD_SANITIZER
constexpr bool thread = true;
inline void* new_fibre() {
    return __tsan_create_fiber(0);
}
inline void* current_fibre() {
    return __tsan_get_current_fiber();
}
inline void switch_to(void* fibre) {
    __tsan_switch_to_fiber(fibre, __tsan_switch_to_fiber_no_sync);
}
inline void acquire(void* place) {
    __tsan_acquire(place);
}
inline void release(void* place) {
    __tsan_release(place);
}
#else
constexpr bool thread = false;
inline void* new_fibre() {
    return nullptr;
}
inline void* current_fibre() {
    return nullptr;
}
inline void switch_to(void*) {}
inline void acquire(void*) {}
inline void release(void*) {}
#endif

/// Calls back when a sanitizer has reported and is about to end the process. That of undefined behaviour is a
/// library with a callback of its own.
#if defined(__SANITIZE_ADDRESS__) || defined(EMULATED_DEVICE_THREAD_SANITIZER)
inline void on_report(void (*callback)()) {
    __sanitizer_set_death_callback(callback);
    void* const library = dlopen("libubsan.so.1", RTLD_LAZY | RTLD_NOLOAD);
    if (library == nullptr) return;
    using Setter = void (*)(void (*)());
    if (const auto set = reinterpret_cast<Setter>(dlsym(library, "__sanitizer_set_death_callback")))
        set(callback);
}
#else
inline void on_report(void (*)()) {}
#endif

}  // namespace sanitizer
}  // namespace emulated_device
