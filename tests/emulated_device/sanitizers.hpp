// What the sanitizers must be told: which memory is off limits, when fibres switch, what orders memory.
// Without a sanitizer all of it is nothing. The emulator itself is never instrumented by the thread sanitizer
// (a fibre's switch would confuse it), only told about through these calls.
#pragma once

#include <dlfcn.h>

#include <cstddef>
#include <cstdint>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef EMULATED_DEVICE_THREAD_SANITIZER
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/tsan_interface.h>
#endif

namespace emulated_device {

/// What poisoned memory holds at this address: bytes 0xff and 0x7f in turn, which are NaN in every
/// floating-point format, a large positive integer in every width from 16 bits on, and what no memset leaves.
inline char poison_at(const void* address) {
    return reinterpret_cast<std::uintptr_t>(address) % 2 == 0 ? '\xff' : '\x7f';
}

/// Poisons `bytes` of memory. Not intercepted, so that it may write to what is off limits.
inline void poison(void* memory, std::size_t bytes) {
    auto* at = static_cast<char*>(memory);
    const auto fill = [&at](std::size_t count, char byte) {
        asm volatile("rep stosb" : "+D"(at), "+c"(count) : "a"(byte) : "memory");
    };
    const std::size_t before = bytes > 0 && reinterpret_cast<std::uintptr_t>(at) % 2 != 0 ? 1 : 0;
    fill(before, '\x7f');
    std::size_t pairs = (bytes - before) / 2;
    asm volatile("rep stosw" : "+D"(at), "+c"(pairs) : "a"(std::uint16_t{0x7fff}) : "memory");
    fill((bytes - before) % 2, '\xff');
}

/// Whether nobody has written to poisoned memory. By words: every launch asks for every guard.
inline bool intact(const char* memory, std::size_t bytes) {
    const char* const end = memory + bytes;
    for (; memory < end && reinterpret_cast<std::uintptr_t>(memory) % sizeof(std::uint64_t) != 0; ++memory)
        if (*memory != poison_at(memory)) return false;
    for (; end - memory >= std::ptrdiff_t{sizeof(std::uint64_t)}; memory += sizeof(std::uint64_t))
        if (*reinterpret_cast<const std::uint64_t*>(memory) != 0x7fff7fff7fff7fff) return false;
    for (; memory < end; ++memory)
        if (*memory != poison_at(memory)) return false;
    return true;
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
