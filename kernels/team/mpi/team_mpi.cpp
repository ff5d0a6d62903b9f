// A team of MPI's processes. Every operation is a non-blocking collective under a deadline, so that a rank
// that has stopped does not leave the others waiting for ever. Nothing but this links MPI.
#include <mpi.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "kernels/base/boundary_stamp.hpp"
#include "kernels/team/team_module.hpp"
#include "kernels/team/while_others_wait.hpp"

namespace ntpgeo {
namespace {

using Clock = std::chrono::steady_clock;

std::string words_of(int error) {
    std::string text(MPI_MAX_ERROR_STRING, '\0');
    int length = 0;
    MPI_Error_string(error, text.data(), &length);
    text.resize(static_cast<std::size_t>(length));
    return text;
}

/// A row as a type of MPI's, whose counts are 32-bit.
class RowType {
  public:
    explicit RowType(std::int64_t bytes) {
        MPI_Type_contiguous(static_cast<int>(bytes), MPI_BYTE, &type_);
        MPI_Type_commit(&type_);
    }
    RowType(const RowType&) = delete;
    RowType& operator=(const RowType&) = delete;
    ~RowType() { MPI_Type_free(&type_); }
    [[nodiscard]] MPI_Datatype type() const { return type_; }

  private:
    MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

struct Counts {
    std::vector<int> count, first;

    explicit Counts(std::span<const std::int64_t> at, std::int64_t width = 1) {
        constexpr std::int64_t most = std::int64_t{1} << 31;
        if (at.back() * width >= most)
            throw Failure("MPI carries fewer than 2^31 rows at a time, and these are " +
                          std::to_string(at.back() * width));
        for (std::size_t k = 0; k + 1 < at.size(); ++k) {
            count.push_back(static_cast<int>((at[k + 1] - at[k]) * width));
            first.push_back(static_cast<int>(at[k] * width));
        }
    }
};

class MpiTeam final : public Team {
  public:
    explicit MpiTeam(double deadline) : deadline_(deadline) {
        int given = 0;
        if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &given) != MPI_SUCCESS ||
            given < MPI_THREAD_SERIALIZED)
            throw Failure("this MPI cannot be called by two threads in turn, which waiting for a rank takes");
        // One for each operation: ranks at different ones wait for each other, and meet no other's message.
        for (MPI_Comm* const communicator : {&exchanges_, &gathers_, &sums_, &words_})
            MPI_Comm_dup(MPI_COMM_WORLD, communicator);
        // Of what is started on a communicator, some errors come to light on the one that all are in.
        for (const MPI_Comm communicator : {exchanges_, gathers_, sums_, words_, MPI_COMM_WORLD})
            MPI_Comm_set_errhandler(communicator, MPI_ERRORS_RETURN);
        MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
        MPI_Comm_size(MPI_COMM_WORLD, &size_);
    }
    MpiTeam(const MpiTeam&) = delete;
    MpiTeam& operator=(const MpiTeam&) = delete;
    ~MpiTeam() override {
        if (failed_) return;  // the others may be gone: nothing that would wait for them
        for (MPI_Comm* const communicator : {&exchanges_, &gathers_, &sums_, &words_})
            MPI_Comm_free(communicator);
        MPI_Finalize();
    }

    [[nodiscard]] int rank() const override { return rank_; }
    [[nodiscard]] int size() const override { return size_; }

    void exchange(Where, std::int64_t row_bytes, const void* send, std::span<const std::int64_t> send_at,
                  void* receive, std::span<const std::int64_t> receive_at) override {
        const RowType row(row_bytes);
        const Counts out(send_at), in(receive_at);
        MPI_Request request = MPI_REQUEST_NULL;
        const int status = MPI_Ialltoallv(send, out.count.data(), out.first.data(), row.type(), receive,
                                          in.count.data(), in.first.data(), row.type(), exchanges_, &request);
        wait("an exchange", status, request);
    }
    void gather(Where, std::int64_t row_bytes, void* data, std::span<const std::int64_t> at) override {
        const RowType row(row_bytes);
        const Counts all(at);
        MPI_Request request = MPI_REQUEST_NULL;
        const int status = MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, data, all.count.data(),
                                           all.first.data(), row.type(), gathers_, &request);
        wait("a gather", status, request);
    }
    void sum_scatter(Where, Real real, std::int64_t width, const void* full, std::span<const std::int64_t> at,
                     void* own) override {
        const Counts all(at, width);
        MPI_Request request = MPI_REQUEST_NULL;
        const int status =
            MPI_Ireduce_scatter(full, own, all.count.data(), real == Real::fp64 ? MPI_DOUBLE : MPI_FLOAT,
                                MPI_SUM, sums_, &request);
        wait("a sum", status, request);
    }

    int at_first(const std::function<int()>& work) override {
        return while_others_wait(rank_, deadline_, work, [this](int number) { return say(number); });
    }

    void end_job(int exit_status) override {
        if (size_ > 1) MPI_Abort(MPI_COMM_WORLD, exit_status);
    }

  private:
    /// The first rank's number, on all.
    int say(int number) {
        MPI_Request request = MPI_REQUEST_NULL;
        const int status = MPI_Ibcast(&number, 1, MPI_INT, 0, words_, &request);
        wait("waiting for rank 0", status, request);
        return number;
    }

    void wait(const char* what, int status, MPI_Request& request) {
        ++operation_;
        const double patience = patience_of(rank_, deadline_);
        const auto start = Clock::now();
        for (int done = 0; status == MPI_SUCCESS;) {
            status = MPI_Test(&request, &done, MPI_STATUS_IGNORE);
            if (done != 0 || status != MPI_SUCCESS) break;
            if (std::chrono::duration<double>(Clock::now() - start).count() > patience)
                fail(waited_in_vain(*this, deadline_, what, operation_));
            sched_yield();
        }
        if (status != MPI_SUCCESS)
            fail("rank " + std::to_string(rank_) + ": MPI in " + what + ": " + words_of(status));
    }
    [[noreturn]] void fail(const std::string& message) {
        failed_ = true;
        throw TeamFailure(message);
    }

    MPI_Comm exchanges_ = MPI_COMM_NULL, gathers_ = MPI_COMM_NULL, sums_ = MPI_COMM_NULL,
             words_ = MPI_COMM_NULL;
    int rank_ = 0, size_ = 1;
    double deadline_;
    std::int64_t operation_ = 0;
    std::atomic<bool> failed_ = false;
};

}  // namespace
}  // namespace ntpgeo

extern "C" {

const char* ntpgeo_team_stamp() {
    return ntpgeo::boundary_stamp;
}

const ntpgeo::TeamModule* ntpgeo_team_module() {
    static constexpr ntpgeo::TeamModule module{[](double deadline) -> std::unique_ptr<ntpgeo::Team> {
        return std::make_unique<ntpgeo::MpiTeam>(deadline);
    }};
    return &module;
}
}
