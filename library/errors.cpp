#include "library/errors.hpp"

#include <new>

#include "kernels/backend.hpp"

namespace ntpgeo {
namespace {

/// What a thread was last told; `fixed` where there was no memory to say more.
struct LastError {
    std::string text;
    const char* fixed = nullptr;
};

LastError& last_error() {
    thread_local LastError error;
    return error;
}

int told(int status, const char* text) noexcept {
    LastError& error = last_error();
    try {
        error.text = text;
        error.fixed = nullptr;
    } catch (...) {
        error.fixed = "out of memory";
    }
    return status;
}

}  // namespace

int status_of_exception() noexcept {
    try {
        throw;
    } catch (const Stopped& error) {
        return told(NTPGEO_STOPPED, error.what());
    } catch (const InputError& error) {
        return told(NTPGEO_INVALID, error.what());
    } catch (const OutOfDeviceMemory& error) {
        return told(NTPGEO_OUT_OF_MEMORY, error.what());
    } catch (const std::bad_alloc&) {
        return told(NTPGEO_OUT_OF_MEMORY, "out of memory");
    } catch (const std::exception& error) {
        return told(NTPGEO_FAILED, error.what());
    } catch (...) {
        return told(NTPGEO_FAILED, "a callback threw what is no std::exception");
    }
}

int stopped(const std::string& text) {
    return told(NTPGEO_STOPPED, text.c_str());
}

}  // namespace ntpgeo

extern "C" {

int ntpgeo_api_version(void) {
    return NTPGEO_API_VERSION;
}

const char* ntpgeo_version(void) {
    return NTPGEO_VERSION;
}

const char* ntpgeo_last_error(void) {
    const ntpgeo::LastError& error = ntpgeo::last_error();
    return error.fixed ? error.fixed : error.text.c_str();
}

const char* ntpgeo_why_no_gpu(void) {
    thread_local std::string why;
    try {
        why = ntpgeo::cuda_availability().why_none;
    } catch (const std::exception&) {
        return "the devices could not be asked";
    }
    return why.c_str();
}
}
