// In every program that runs the emulated device under the thread sanitizer: a race ends it at once, and its
// end does not wait for other threads' reports.
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() {
    return "halt_on_error=1:atexit_sleep_ms=0";
}
