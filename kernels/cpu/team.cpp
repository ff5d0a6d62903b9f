#include "kernels/cpu/team.hpp"

#include <omp.h>
#include <pthread.h>
#include <sched.h>

#include <chrono>
#include <mutex>
#include <system_error>
#include <thread>

#include "kernels/cpu/blas.hpp"

namespace ntpgeo {
namespace {

void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

using Clock = std::chrono::steady_clock;

// To wake a thread that sleeps takes 50 to 150 µs, about as long as a step's work between two of its loops
// does: whoever looks this long is awake for the next, and a thread that has nothing to do for longer costs
// nothing. Measured (performance.md).
constexpr Clock::duration look_before_sleep = std::chrono::microseconds(200);
constexpr Clock::duration look_when_awake = std::chrono::seconds(1);

/// Waits until `word` is no longer `old`: awake for so long, then asleep.
template <class Word>
void wait_while(const std::atomic<Word>& word, Word old, Clock::duration awake) {
    constexpr int looks_a_time = 32;
    const Clock::time_point end = Clock::now() + awake;
    do {
        for (int i = 0; i < looks_a_time; ++i) {
            if (word.load(std::memory_order_seq_cst) != old) return;
            pause_briefly();
        }
    } while (Clock::now() < end);
    word.wait(old, std::memory_order_seq_cst);
}

thread_local bool within_a_loop = false;

struct WithinLoop {
    WithinLoop() { within_a_loop = true; }
    ~WithinLoop() { within_a_loop = false; }
    WithinLoop(const WithinLoop&) = delete;
    WithinLoop& operator=(const WithinLoop&) = delete;
};

class Team {
  public:
    Team() : size_(std::max(1, std::min(omp_get_max_threads(), omp_get_thread_limit()))) {}

    [[nodiscard]] int size() const { return size_.load(std::memory_order_relaxed); }
    void set(int threads, Waiting waiting) {
        size_ = std::max(1, threads);
        look_ = waiting == Waiting::awake ? look_when_awake : look_before_sleep;
    }

    /// Whether it ran the loop; not where it is at another.
    bool run(Loop& loop, int threads, const LoopBody& body) {
        const std::unique_lock lock(at_work_, std::try_to_lock);
        if (!lock.owns_lock()) return false;
        start_workers(threads - 1);
        loop_ = &loop;
        body_ = body;
        threads_ = threads;
        failure_ = nullptr;
        // Odd while a loop is open to those who come.
        turn_.fetch_add(1, std::memory_order_seq_cst);
        turn_.notify_all();
        work(0);
        turn_.fetch_add(1, std::memory_order_seq_cst);
        // A thread that comes now sees an even turn and leaves again.
        for (int inside = inside_.load(std::memory_order_seq_cst); inside != 0;
             inside = inside_.load(std::memory_order_seq_cst))
            wait_while(inside_, inside, look_.load());
        if (failure_) std::rethrow_exception(failure_);
        return true;
    }

  private:
    /// Where the system gives no more threads, those that there are do the work.
    void start_workers(int wanted) try {
        for (; workers_ < wanted; ++workers_) {
            std::thread worker(&Team::serve, this, workers_ + 1);
            bind(worker, workers_ + 1);
            worker.detach();  // it sleeps when the process ends
        }
    } catch (const std::system_error&) {
    }

    /// Where OMP_PROC_BIND or OMP_PLACES bound this thread to its place, the others go to theirs; they would
    /// else inherit this one's.
    static void bind(std::thread& worker, int index) {
        const int places = omp_get_num_places();
        if (omp_get_proc_bind() == omp_proc_bind_false || places < 1) return;
        std::vector<int> processors(static_cast<std::size_t>(omp_get_place_num_procs(index % places)));
        omp_get_place_proc_ids(index % places, processors.data());
        cpu_set_t set;
        CPU_ZERO(&set);
        for (const int processor : processors) CPU_SET(processor, &set);
        pthread_setaffinity_np(worker.native_handle(), sizeof set,
                               &set);  // where it may not, it runs anywhere
    }

    void serve(int thread) {
        omp_set_num_threads(1);  // OpenBLAS
        std::uint32_t seen = 0;
        while (true) {
            wait_while(turn_, seen, look_.load());
            seen = turn_.load(std::memory_order_seq_cst);
            if (seen % 2 == 0) continue;
            inside_.fetch_add(1, std::memory_order_seq_cst);
            // The caller looks at inside_ after it has closed its loop: where the turn is still odd it will
            // wait for this thread, whichever loop it is by now.
            if (turn_.load(std::memory_order_seq_cst) % 2 == 1 && thread < threads_) work(thread);
            if (inside_.fetch_sub(1, std::memory_order_seq_cst) == 1) inside_.notify_all();
        }
    }

    void work(int thread) {
        const WithinLoop within;
        Parts parts(*loop_, thread);
        try {
            body_.call(body_.body, parts);
        } catch (...) {
            loop_->stop();
            const std::lock_guard lock(failing_);
            if (!failure_) failure_ = std::current_exception();
        }
    }

    std::atomic<int> size_;
    std::atomic<Clock::duration> look_ = look_before_sleep;
    std::mutex at_work_;
    int workers_ = 0;
    alignas(64) std::atomic<std::uint32_t> turn_ = 0;
    alignas(64) std::atomic<int> inside_ = 0;
    // Of the open loop.
    Loop* loop_ = nullptr;
    LoopBody body_{};
    int threads_ = 0;
    std::mutex failing_;
    std::exception_ptr failure_;
};

std::atomic<Team*> the_team = nullptr;

/// The process's team, which lasts as long as it does. A fork's child has none of the threads of its parent's
/// team and makes one of its own.
Team& team() {
    static std::once_flag forks_watched;
    std::call_once(forks_watched, [] { pthread_atfork(nullptr, nullptr, [] { the_team = nullptr; }); });
    Team* current = the_team.load();
    if (current) return *current;
    auto made = std::make_unique<Team>();
    if (the_team.compare_exchange_strong(current, made.get())) return *made.release();
    return *current;
}

}  // namespace

bool is_within_a_loop() {
    return within_a_loop;
}

int team_size() {
    return team().size();
}

void set_team(int threads, Waiting waiting) {
    team().set(threads, waiting);
}

Loop::Loop(std::int64_t count, std::int64_t chunk, int threads)
    : count_(count), chunk_(chunk), places_(static_cast<std::size_t>(threads)) {
    const std::int64_t chunks = (count + chunk - 1) / chunk;
    for (int t = 0; t < threads; ++t) {
        places_[t].next.store(chunks * t / threads, std::memory_order_relaxed);
        places_[t].end = chunks * (t + 1) / threads;
    }
}

Part Loop::next(int thread) {
    const auto places = static_cast<int>(places_.size());
    for (int k = 0; k < places; ++k) {
        Place& place = places_[(thread + k) % places];
        if (place.next.load(std::memory_order_relaxed) >= place.end) continue;
        const std::int64_t chunk = place.next.fetch_add(1, std::memory_order_relaxed);
        if (chunk < place.end) return {chunk * chunk_, std::min(count_, (chunk + 1) * chunk_)};
    }
    return {0, 0};
}

void Loop::stop() {
    for (Place& place : places_) place.next.store(place.end, std::memory_order_relaxed);
}

void run_loop(std::int64_t count, std::int64_t chunk, int threads, const LoopBody& body) {
    if (count <= 0) return;
    const std::int64_t chunks = (count + chunk - 1) / chunk;
    threads = static_cast<int>(std::min<std::int64_t>({threads, team_size(), chunks}));
    const OneBlasThread one;
    if (threads > 1 && !within_a_loop) {
        Loop loop(count, chunk, threads);
        if (team().run(loop, threads, body)) return;
    }
    Loop loop(count, chunk, 1);
    Parts parts(loop, 0);
    body.call(body.body, parts);
}

}  // namespace ntpgeo
