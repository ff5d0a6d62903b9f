// Ranks as threads of one process: the transport of tests.
#pragma once

#include <gtest/gtest.h>

#include <barrier>
#include <cstring>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "kernels/team/team.hpp"

namespace ntpgeo {

class ThreadJob {
  public:
    /// Calls work(team) on `ranks` threads, and comes back when all have ended. What one throws is thrown
    /// here; the others must not wait for it then.
    static void run(int ranks, const std::function<void(Team&)>& work) {
        ThreadJob job(ranks);
        std::vector<std::thread> threads;
        std::vector<std::exception_ptr> failures(static_cast<std::size_t>(ranks));
        for (int rank = 0; rank < ranks; ++rank)
            threads.emplace_back([&, rank] {
                Rank team(job, rank);
                try {
                    work(team);
                } catch (...) {
                    failures[static_cast<std::size_t>(rank)] = std::current_exception();
                }
            });
        for (std::thread& thread : threads) thread.join();
        for (const std::exception_ptr& failure : failures)
            if (failure) std::rethrow_exception(failure);
    }

  private:
    /// What a rank shows the others during an operation.
    struct Shown {
        const void* data = nullptr;
        std::span<const std::int64_t> at;
    };

    class Rank final : public Team {
      public:
        Rank(ThreadJob& job, int rank) : job_(job), rank_(rank) {}
        [[nodiscard]] int rank() const override { return rank_; }
        [[nodiscard]] int size() const override { return job_.ranks_; }

        void exchange(Where, std::int64_t row_bytes, const void* send, std::span<const std::int64_t> send_at,
                      void* receive, std::span<const std::int64_t> receive_at) override {
            showing({send, send_at}, [&] {
                for (int k = 0; k < size(); ++k) {
                    const Shown& theirs = job_.shown_[k];
                    const std::int64_t from = theirs.at[rank_], rows = theirs.at[rank_ + 1] - from;
                    ASSERT_EQ(rows, receive_at[k + 1] - receive_at[k]);
                    copy(theirs.data, from * row_bytes, receive, receive_at[k] * row_bytes, rows * row_bytes);
                }
            });
        }
        void gather(Where, std::int64_t row_bytes, void* data, std::span<const std::int64_t> at) override {
            showing({data, at}, [&] {
                for (int k = 0; k < size(); ++k)
                    if (k != rank_)
                        copy(job_.shown_[k].data, at[k] * row_bytes, data, at[k] * row_bytes,
                             (at[k + 1] - at[k]) * row_bytes);
            });
        }
        void sum_scatter(Where, Real real, std::int64_t width, const void* full,
                         std::span<const std::int64_t> at, void* own) override {
            showing({full, at}, [&] {
                with_real(real, [&]<class T>(T) {
                    for (std::int64_t i = at[rank_] * width; i < at[rank_ + 1] * width; ++i) {
                        T sum = 0;
                        for (const Shown& theirs : job_.shown_) sum += static_cast<const T*>(theirs.data)[i];
                        static_cast<T*>(own)[i - at[rank_] * width] = sum;
                    }
                });
            });
        }
        int at_first(const std::function<int()>& work) override {
            if (rank_ == 0) job_.status_ = work();
            showing({}, [] {});
            return job_.status_;
        }
        void end_job(int) override { FAIL() << "a test's job is not ended this way"; }

      private:
        template <class Work>
        void showing(const Shown& shown, const Work& work) {
            job_.shown_[static_cast<std::size_t>(rank_)] = shown;
            job_.barrier_.arrive_and_wait();
            work();
            job_.barrier_.arrive_and_wait();
        }
        static void copy(const void* from, std::int64_t from_byte, void* to, std::int64_t to_byte,
                         std::int64_t bytes) {
            if (bytes > 0)
                std::memcpy(static_cast<char*>(to) + to_byte, static_cast<const char*>(from) + from_byte,
                            static_cast<std::size_t>(bytes));
        }
        ThreadJob& job_;
        int rank_;
    };

    explicit ThreadJob(int ranks) : ranks_(ranks), shown_(static_cast<std::size_t>(ranks)), barrier_(ranks) {}

    int ranks_;
    std::vector<Shown> shown_;
    int status_ = 0;
    std::barrier<> barrier_;
};

}  // namespace ntpgeo
