// Stands where a machine with a GPU has its driver, libcuda.so.1; the emulated device needs nothing of it.
extern "C" int cuInit(unsigned) {
    return 100;  // there is no device
}
