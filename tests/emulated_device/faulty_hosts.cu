// Host code that each breaks one rule. The tests want every one of them caught.
#include <cublas_v2.h>
#include <port.cuh>

#include <vector>

#include "program_tools.cuh"
#include "programs.hpp"

namespace programs {

namespace faulty {

__global__ void add_one(const double* in, double* out, int size) {
    const int i = static_cast<int>(threadIdx.x);
    if (i < size) out[i] = in[i] + 1;
}

struct Arguments {
    int size;
    const double* in;
    double* out;
};

__global__ void add_one_by_structure(Arguments arguments) {
    const int i = static_cast<int>(threadIdx.x);
    if (i < arguments.size) arguments.out[i] = arguments.in[i] + 1;
}

__global__ void store_pointer(double** place, double* pointer) {
    *place = pointer;
}

__global__ void write_by_stored_pointer(double** place) {
    **place = 1;
}

}  // namespace faulty

namespace {

constexpr int size = 32;

void add_one(const double* in, double* out, const Stream& stream) {
    ok(launch(faulty::add_one, 1, size, 0, stream.handle, in, out, size));
}

std::vector<double> ones() {
    return std::vector<double>(size, 1.0);
}

struct Blas {
    cublasHandle_t handle = nullptr;
    explicit Blas(const Stream& stream) {
        if (cublasCreate(&handle) != CUBLAS_STATUS_SUCCESS || cublasSetStream(handle, stream.handle) != 0)
            std::_Exit(3);
    }
    Blas(const Blas&) = delete;
    Blas& operator=(const Blas&) = delete;
    ~Blas() { (void)cublasDestroy(handle); }

    /// out = a·b with all of them 4×4.
    [[nodiscard]] cublasStatus_t product(int rows, const double* a, const double* b, double* out,
                                         const double* alpha) const {
        const double zero = 0;
        return cublasDgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, rows, 4, 4, alpha, a, rows, b, 4, &zero, out,
                           rows);
    }
};

constexpr double one = 1;

}  // namespace

bool missing_memset() {
    const Stream stream;
    const Array<double> sums(size);
    add_one(sums.data, sums.data, stream);
    return sums.now(stream)[0] == 1;
}

bool host_reads_early() {
    const Stream stream;
    const Array<double> in(ones(), stream), out(size);
    add_one(in.data, out.data, stream);
    std::vector<double> result(size, 2.0);
    ok(cudaMemcpyAsync(result.data(), out.data, out.bytes(), cudaMemcpyDeviceToHost, stream.handle));
    const bool right = result[0] == 2;
    stream.finish();
    return right;
}

bool host_reads_graph_early() {
    const Stream stream;
    const Array<double> in(ones(), stream), out(size);
    std::vector<double> result(size, 2.0);
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    ok(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal));
    add_one(in.data, out.data, stream);
    ok(cudaMemcpyAsync(result.data(), out.data, out.bytes(), cudaMemcpyDeviceToHost, stream.handle));
    ok(cudaStreamEndCapture(stream.handle, &graph));
    ok(cudaGraphInstantiate(&executable, graph, 0));
    ok(cudaGraphLaunch(executable, stream.handle));
    const bool right = result[0] == 2;
    stream.finish();
    return right;
}

bool host_writes_pinned_early() {
    const Stream stream;
    double* host = nullptr;
    ok(cudaMallocHost(&host, size * sizeof(double)));
    for (int i = 0; i < size; ++i) host[i] = 1;
    const Array<double> in(size);
    ok(cudaMemcpyAsync(in.data, host, in.bytes(), cudaMemcpyHostToDevice, stream.handle));
    for (int i = 0; i < size; ++i) host[i] = 3;
    const bool right = in.now(stream)[0] == 1;
    ok(cudaFreeHost(host));
    return right;
}

bool missing_event_wait() {
    const Stream first, second;
    const Array<double> in(ones(), first), middle(size), out(size);
    add_one(in.data, middle.data, first);
    add_one(middle.data, out.data, second);
    const bool right = out.now(second)[0] == 3;
    first.finish();
    return right;
}

bool missing_event_wait_in_graph() {
    const Stream stream, branch;
    cudaEvent_t fork = nullptr, join = nullptr;
    ok(cudaEventCreate(&fork));
    ok(cudaEventCreate(&join));
    const Array<double> in(ones(), stream), middle(size), out(size);
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    ok(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal));
    ok(cudaEventRecord(fork, stream.handle));
    ok(cudaStreamWaitEvent(branch.handle, fork, 0));
    add_one(in.data, middle.data, branch);
    ok(cudaEventRecord(join, branch.handle));
    add_one(middle.data, out.data, stream);  // before the wait that it needs
    ok(cudaStreamWaitEvent(stream.handle, join, 0));
    ok(cudaStreamEndCapture(stream.handle, &graph));
    ok(cudaGraphInstantiate(&executable, graph, 0));
    ok(cudaGraphLaunch(executable, stream.handle));
    return out.now(stream)[0] == 3;
}

bool host_touches_device_memory() {
    const Stream stream;
    const Array<double> in(ones(), stream);
    stream.finish();
    return in.data[3] == 1;
}

bool host_pointer_to_kernel() {
    const Stream stream;
    const std::vector<double> in = ones();
    const Array<double> out(size);
    add_one(in.data(), out.data, stream);
    return out.now(stream)[0] == 2;
}

bool host_pointer_in_structure() {
    const Stream stream;
    const std::vector<double> in = ones();
    const Array<double> out(size);
    ok(launch(faulty::add_one_by_structure, 1, size, 0, stream.handle, {size, in.data(), out.data}));
    return out.now(stream)[0] == 2;
}

bool host_pointer_to_blas() {
    const Stream stream;
    const Blas blas(stream);
    const Array<double> in(ones(), stream), out(16);
    const std::vector<double> b = ones();
    return blas.product(4, in.data, b.data(), out.data, &one) == CUBLAS_STATUS_SUCCESS &&
           out.now(stream)[0] == 4;
}

bool device_scalar_to_blas() {
    const Stream stream;
    const Blas blas(stream);
    const Array<double> in(ones(), stream), out(16);
    return blas.product(4, in.data, in.data, out.data, in.data) == CUBLAS_STATUS_SUCCESS &&
           out.now(stream)[0] == 4;
}

bool product_too_wide() {
    const Stream stream;
    const Blas blas(stream);
    const Array<double> in(ones(), stream), out(16);
    return blas.product(5, in.data, in.data, out.data, &one) == CUBLAS_STATUS_SUCCESS &&
           out.now(stream)[0] == 4;
}

bool copy_too_long() {
    const Stream stream;
    const Array<double> out(size);
    const std::vector<double> in(size + 1, 1.0);
    ok(cudaMemcpyAsync(out.data, in.data(), out.bytes() + 1, cudaMemcpyHostToDevice, stream.handle));
    return out.now(stream)[0] == 1;
}

bool copy_in_wrong_direction() {
    const Stream stream;
    const Array<double> out(size);
    const std::vector<double> in = ones();
    ok(cudaMemcpyAsync(out.data, in.data(), out.bytes(), cudaMemcpyDeviceToHost, stream.handle));
    return out.now(stream)[0] == 1;
}

bool free_while_pending() {
    const Stream stream;
    double* memory = nullptr;
    ok(cudaMalloc(&memory, 64));
    ok(cudaMemsetAsync(memory, 0, 64, stream.handle));
    ok(cudaFree(memory));
    return true;
}

bool free_twice() {
    double* memory = nullptr;
    ok(cudaMalloc(&memory, 64));
    ok(cudaFree(memory));
    ok(cudaFree(memory));
    return true;
}

bool launch_after_free() {
    const Stream stream;
    double* memory = nullptr;
    ok(cudaMalloc(&memory, size * sizeof(double)));
    ok(cudaFree(memory));
    add_one(memory, memory, stream);
    stream.finish();
    return true;
}

bool stored_pointer_after_free() {
    const Stream stream;
    const Array<double*> place(1);
    double* memory = nullptr;
    ok(cudaMalloc(&memory, size * sizeof(double)));
    ok(launch(faulty::store_pointer, 1, 1, 0, stream.handle, place.data, memory));
    stream.finish();
    ok(cudaFree(memory));
    ok(launch(faulty::write_by_stored_pointer, 1, 1, 0, stream.handle, place.data));
    stream.finish();
    return true;
}

bool graph_after_free() {
    const Stream stream;
    double* memory = nullptr;
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    ok(cudaMalloc(&memory, 64));
    ok(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal));
    ok(cudaMemsetAsync(memory, 0, 64, stream.handle));
    ok(cudaStreamEndCapture(stream.handle, &graph));
    ok(cudaGraphInstantiate(&executable, graph, 0));
    ok(cudaFree(memory));
    ok(cudaGraphLaunch(executable, stream.handle));
    stream.finish();
    return true;
}

bool destroyed_stream() {
    cudaStream_t stream = nullptr;
    ok(cudaStreamCreate(&stream));
    ok(cudaStreamDestroy(stream));
    ok(cudaStreamSynchronize(stream));
    return true;
}

}  // namespace programs
