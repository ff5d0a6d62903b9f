// A team of GPUs over NCCL, which needs nothing else: who has started the ranks only says which this is.
// Operations are queued on a stream of the team's own, and the host waits for them under a deadline, looking
// at the communicator's own errors; what has failed is aborted, never destroyed, as that would wait for the
// others.
#include "kernels/team/nccl/team_nccl.hpp"

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "kernels/team/while_others_wait.hpp"

namespace ntpgeo {
namespace {

using Clock = std::chrono::steady_clock;

void check(cudaError_t error, const char* call) {
    if (error != cudaSuccess) throw TeamFailure(std::string(call) + ": " + cudaGetErrorString(error));
}

/// Selects a GPU for the calling thread, and then the one that was selected before.
class Selected {
  public:
    explicit Selected(int device) {
        check(cudaGetDevice(&before_), "cudaGetDevice");
        check(cudaSetDevice(device), "cudaSetDevice");
    }
    Selected(const Selected&) = delete;
    Selected& operator=(const Selected&) = delete;
    ~Selected() { static_cast<void>(cudaSetDevice(before_)); }

  private:
    int before_ = 0;
};

/// A piece of the GPU's memory that only grows.
class Room {
  public:
    Room() = default;
    Room(const Room&) = delete;
    Room& operator=(const Room&) = delete;
    ~Room() { static_cast<void>(cudaFree(data_)); }

    void* of(std::int64_t bytes) {
        if (bytes > bytes_) {
            check(cudaFree(data_), "cudaFree");
            data_ = nullptr;
            bytes_ = 0;
            check(cudaMalloc(&data_, static_cast<std::size_t>(bytes)), "cudaMalloc");
            bytes_ = bytes;
        }
        return data_;
    }

  private:
    void* data_ = nullptr;
    std::int64_t bytes_ = 0;
};

class NcclTeam final : public Team {
  public:
    NcclTeam(const std::string& id, const GpuRank& rank, double deadline)
        : rank_(rank.rank), size_(rank.size), device_(rank.device), deadline_(deadline) {
        const Selected selected(device_);
        ncclUniqueId unique;
        if (id.size() != sizeof unique) throw TeamFailure("what names the ranks' communicator is torn");
        std::memcpy(&unique, id.data(), sizeof unique);
        ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
        config.blocking = 0;
        check(ncclCommInitRankConfig(&communicator_, size_, unique, rank_, &config), "the start");
        until("the start", [] { return true; });
        check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
        for (cudaEvent_t* const event : {&ready_, &done_, &gathered_})
            check(cudaEventCreateWithFlags(event, cudaEventDisableTiming), "cudaEventCreateWithFlags");
    }
    NcclTeam(const NcclTeam&) = delete;
    NcclTeam& operator=(const NcclTeam&) = delete;
    ~NcclTeam() override {
        // A communicator that has not failed has nothing under way.
        if (communicator_) static_cast<void>(ncclCommDestroy(communicator_));
        for (const cudaEvent_t event : {ready_, done_, gathered_}) static_cast<void>(cudaEventDestroy(event));
        static_cast<void>(cudaStreamDestroy(stream_));
    }

    [[nodiscard]] int rank() const override { return rank_; }
    [[nodiscard]] int size() const override { return size_; }
    [[nodiscard]] bool reaches_device() const override { return true; }
    void start_after(void* stream) override {
        const Selected selected(device_);
        check(cudaEventRecord(ready_, static_cast<cudaStream_t>(stream)), "cudaEventRecord");
        is_ready_known_ = true;
    }

    void exchange(Where where, std::int64_t row_bytes, const void* send,
                  std::span<const std::int64_t> send_at, void* receive,
                  std::span<const std::int64_t> receive_at) override {
        const Selected selected(device_);
        const void* const out = brought(where, send, send_at.back() * row_bytes, sent_);
        void* const in = where == Where::device ? receive : received_.of(receive_at.back() * row_bytes);
        in_one(where, "an exchange", [&](int k) {
            check(ncclSend(from(out, send_at[k] * row_bytes), bytes(send_at, k, row_bytes), ncclInt8, k,
                           communicator_, stream_),
                  "an exchange");
            check(ncclRecv(from(in, receive_at[k] * row_bytes), bytes(receive_at, k, row_bytes), ncclInt8, k,
                           communicator_, stream_),
                  "an exchange");
        });
        take(where, in, receive, receive_at.back() * row_bytes);
    }
    void gather(Where where, std::int64_t row_bytes, void* data, std::span<const std::int64_t> at) override {
        const Selected selected(device_);
        void* const all = where == Where::device ? data : sent_.of(at.back() * row_bytes);
        const std::int64_t own = at[rank_] * row_bytes;
        if (where == Where::host)
            copy(from(all, own), from(data, own), static_cast<std::int64_t>(bytes(at, rank_, row_bytes)));
        queue_gather(where, row_bytes, all, at);
        wait_for(done_, "a gather");
        take(where, all, data, at.back() * row_bytes);
    }
    void begin_gather(std::int64_t row_bytes, void* data, std::span<const std::int64_t> at) override {
        const Selected selected(device_);
        queue_gather(Where::device, row_bytes, data, at);
        std::swap(done_, gathered_);  // which what comes meanwhile does not record
    }
    void end_gather() override {
        const Selected selected(device_);
        wait_for(gathered_, "a gather");
    }
    void sum_scatter(Where where, Real real, std::int64_t width, const void* full,
                     std::span<const std::int64_t> at, void* own) override {
        const Selected selected(device_);
        const std::int64_t row_bytes = width * bytes_of(real);
        const auto own_bytes = static_cast<std::int64_t>(bytes(at, rank_, row_bytes));
        const void* const all = brought(where, full, at.back() * row_bytes, sent_);
        void* const sum = where == Where::device ? own : received_.of(own_bytes);
        in_one(where, "a sum", [&](int k) {
            check(ncclReduce(from(all, at[k] * row_bytes), sum, bytes(at, k, width),
                             real == Real::fp64 ? ncclFloat64 : ncclFloat32, ncclSum, k, communicator_,
                             stream_),
                  "a sum");
        });
        take(where, sum, own, own_bytes);
    }

    int at_first(const std::function<int()>& work) override {
        return while_others_wait(rank_, deadline_, work, [this](int number) { return say(number); });
    }

    void end_job(int) override {
        // The others find the communicator broken; whoever has started them ends them, too.
        if (communicator_) static_cast<void>(ncclCommAbort(communicator_));
        communicator_ = nullptr;
    }

  private:
    static void* from(void* data, std::int64_t byte) { return static_cast<char*>(data) + byte; }
    static const void* from(const void* data, std::int64_t byte) {
        return static_cast<const char*>(data) + byte;
    }
    static std::size_t bytes(std::span<const std::int64_t> at, int k, std::int64_t row_bytes) {
        return static_cast<std::size_t>((at[k + 1] - at[k]) * row_bytes);
    }

    /// The first rank's number, on all.
    int say(int number) {
        std::vector<std::int64_t> at(static_cast<std::size_t>(size_) + 1, 1);
        at[0] = 0;  // it is the first rank's
        gather(Where::host, sizeof number, &number, at);
        return number;
    }

    /// What is to be sent, in the GPU's memory.
    const void* brought(Where where, const void* data, std::int64_t size, Room& room) {
        if (where == Where::device) return data;
        void* const there = room.of(size);
        copy(there, data, size);
        return there;
    }
    void take(Where where, const void* there, void* data, std::int64_t size) {
        if (where == Where::host) copy(data, there, size);
    }
    void copy(void* to, const void* data, std::int64_t size) {
        if (size > 0)
            check(cudaMemcpy(to, data, static_cast<std::size_t>(size), cudaMemcpyDefault), "cudaMemcpy");
    }

    // Ranks' rows differ in number, which ncclAllGather does not know.
    void queue_gather(Where where, std::int64_t row_bytes, void* all, std::span<const std::int64_t> at) {
        queue(where, "a gather", [&](int k) {
            void* const rows = from(all, at[k] * row_bytes);
            check(ncclBroadcast(rows, rows, bytes(at, k, row_bytes), ncclInt8, k, communicator_, stream_),
                  "a gather");
        });
    }

    /// Queues of_rank(k) of every rank in one group, behind all that this GPU has been given, or what of it
    /// start_after knows to be enough, and records done_.
    template <class OfRank>
    void queue(Where where, const char* what, const OfRank& of_rank) {
        ++operation_;
        if (where == Where::device && std::exchange(is_ready_known_, false))
            check(cudaStreamWaitEvent(stream_, ready_, 0), "cudaStreamWaitEvent");
        else
            check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
        check(ncclGroupStart(), what);
        for (int k = 0; k < size_; ++k) of_rank(k);
        check(ncclGroupEnd(), what);
        until(what, [] { return true; });
        check(cudaEventRecord(done_, stream_), "cudaEventRecord");
    }
    template <class OfRank>
    void in_one(Where where, const char* what, const OfRank& of_rank) {
        queue(where, what, of_rank);
        wait_for(done_, what);
    }
    void wait_for(cudaEvent_t event, const char* what) {
        until(what, [&] {
            const cudaError_t state = cudaEventQuery(event);
            if (state != cudaErrorNotReady) check(state, "cudaEventQuery");
            return state == cudaSuccess;
        });
    }

    template <class Done>
    void until(const char* what, const Done& done) {
        const double patience = patience_of(rank_, deadline_);
        const auto start = Clock::now();
        for (;;) {
            ncclResult_t state = ncclSuccess;
            check(ncclCommGetAsyncError(communicator_, &state), what);
            check(state, what);
            if (state == ncclSuccess && done()) return;
            if (std::chrono::duration<double>(Clock::now() - start).count() > patience)
                fail(waited_in_vain(*this, deadline_, what, operation_));
            std::this_thread::yield();
        }
    }
    void check(ncclResult_t result, const char* what) {
        if (result != ncclSuccess && result != ncclInProgress)
            fail("rank " + std::to_string(rank_) + ": NCCL in " + what + ": " + ncclGetErrorString(result));
    }
    void check(cudaError_t error, const char* call) { ntpgeo::check(error, call); }
    [[noreturn]] void fail(const std::string& message) {
        end_job(1);
        throw TeamFailure(message);
    }

    ncclComm_t communicator_ = nullptr;
    cudaStream_t stream_ = nullptr;
    cudaEvent_t ready_ = nullptr;     // as start_after has it
    cudaEvent_t done_ = nullptr;      // an operation
    cudaEvent_t gathered_ = nullptr;  // the one that is under way
    bool is_ready_known_ = false;
    Room sent_, received_;
    int rank_, size_, device_;
    double deadline_;
    std::int64_t operation_ = 0;
};

}  // namespace

std::string new_nccl_id() {
    ncclUniqueId id;
    if (const ncclResult_t result = ncclGetUniqueId(&id); result != ncclSuccess)
        throw TeamFailure(std::string("NCCL does not start: ") + ncclGetErrorString(result));
    return {reinterpret_cast<const char*>(&id), sizeof id};
}

std::unique_ptr<Team> join_nccl_ranks(const std::string& id, const GpuRank& rank, double deadline) {
    return std::make_unique<NcclTeam>(id, rank, deadline);
}

}  // namespace ntpgeo
