// The threads that share the CPU's loops. Whoever starts a loop works at it too, and takes over what threads
// that are asleep, or that the machine runs late, have not begun: nobody waits for a thread but for the part
// it is at. Threads that have nothing to do look for more for a fraction of a millisecond and then sleep, so
// that programs beside this one get their processors.
//
// There is one team in a process, made with the first loop that is worth one. Loops of several callers do not
// wait for each other: while one has the team the others work alone, as does a loop within a loop. What a
// loop computes must not depend on who computes what, nor on where parts begin.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <vector>

namespace ntpgeo {

/// Threads of the team, the caller's among them: what set_team was told, at first as many as OpenMP would
/// take (processors that this process may use, or OMP_NUM_THREADS, within OMP_THREAD_LIMIT).
int team_size();

/// How long a thread without work looks for more before it sleeps.
enum class Waiting { asleep, awake };

/// `threads` >= 1. Not to be called while a loop runs.
void set_team(int threads, Waiting waiting = Waiting::asleep);

/// Below this many elements a loop takes less time than it takes to wake a thread. The bits do not depend on
/// it.
inline constexpr std::int64_t worth_a_team = std::int64_t{1} << 14;

/// Threads for a loop over so many elements.
inline int team_for(std::int64_t elements) {
    return elements > worth_a_team ? team_size() : 1;
}

/// Whether this thread is at work in a loop, so that one that it starts is its own alone.
bool is_within_a_loop();

/// A part of a loop.
struct Part {
    std::int64_t begin, end;
};

/// A loop over [0, count) in parts of `chunk`, that threads take from: each first those at its own place, so
/// that loops over the same memory meet the same caches, then what others have left.
class Loop {
  public:
    Loop(std::int64_t count, std::int64_t chunk, int threads);

    /// The next part for the thread of that index; empty where all are taken.
    Part next(int thread);

    /// Takes all parts that are left.
    void stop();

  private:
    struct alignas(64) Place {
        std::atomic<std::int64_t> next;
        std::int64_t end;
    };
    std::int64_t count_, chunk_;
    std::vector<Place> places_;
};

/// What one thread does of a loop: `for (Part part; parts.take(part);)`.
class Parts {
  public:
    Parts(Loop& loop, int thread) : loop_(loop), thread_(thread) {}

    bool take(Part& part) {
        part = loop_.next(thread_);
        return part.begin < part.end;
    }

    /// From 0 to the loop's threads − 1, no two alike at once.
    [[nodiscard]] int thread() const { return thread_; }

  private:
    Loop& loop_;
    int thread_;
};

/// What a team runs: a function of a Parts, by address.
struct LoopBody {
    const void* body;
    void (*call)(const void* body, Parts& parts);
};

/// Runs `body` on at most `threads` threads of the team, and on the caller's alone where that is 1. OpenBLAS
/// makes no threads of its own within. Throws what a body threw, once all have ended.
void run_loop(std::int64_t count, std::int64_t chunk, int threads, const LoopBody& body);

/// Calls body(Parts&) once for each of at most `threads` threads, which take parts of [0, count) until there
/// are no more: memory that a thread needs for its parts is made before the first.
template <class Body>
void share_loop(std::int64_t count, std::int64_t chunk, int threads, const Body& body) {
    run_loop(count, chunk, threads,
             {&body, [](const void* address, Parts& parts) { (*static_cast<const Body*>(address))(parts); }});
}

/// Calls body(i) for every i of the parts that the thread takes.
template <class Body>
void for_each_of(Parts& parts, const Body& body) {
    for (Part part; parts.take(part);)
        for (std::int64_t i = part.begin; i < part.end; ++i) body(i);
}

/// Calls body(i) for every i of [0, count). Each thread has a copy of `body`, and what it captures by value
/// compilers know not to change as the loop goes on.
template <class Body>
void for_each(std::int64_t count, std::int64_t chunk, int threads, const Body& body) {
    share_loop(count, chunk, threads, [&](Parts& parts) {
        const Body own = body;
        for_each_of(parts, own);
    });
}

/// The same over elements that take no more than some nanoseconds each.
template <class Body>
void for_each_element(std::int64_t count, const Body& body) {
    constexpr std::int64_t some_microseconds = 4096;
    for_each(count, some_microseconds, team_for(count), body);
}

}  // namespace ntpgeo
