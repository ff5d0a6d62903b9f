#include "counts.hpp"

#include <algorithm>
#include <mutex>
#include <numeric>
#include <vector>

#include "fault.hpp"
#include "port/nvtx3/nvToolsExt.h"
#include "requests.hpp"
#include "streams.hpp"

namespace emulated_device {
namespace {

CountsByRegion& all_counts() {
    static auto* const counts = new CountsByRegion;
    return *counts;
}

struct Regions {
    std::string path;
    std::vector<std::size_t> lengths;  ///< of the path, before each range that is open
};
thread_local Regions regions;

template <class Key>
void add(std::map<Key, std::int64_t>& to, const std::map<Key, std::int64_t>& from) {
    for (const auto& [key, number] : from) to[key] += number;
}

template <class Key>
std::int64_t sum(const std::map<Key, std::int64_t>& numbers) {
    return std::accumulate(numbers.begin(), numbers.end(), std::int64_t{0},
                           [](std::int64_t total, const auto& entry) { return total + entry.second; });
}

void add(Work& work, const Operation& operation) {
    const Request& request = operation.request;
    const auto launch = [&](const std::string& kernel) {
        ++work.launches[{kernel, request.launch.blocks, request.launch.threads}];
    };
    switch (request.kind) {
        case Request::Kind::launch:
            return launch(request.launch.kernel.empty() ? operation.name : request.launch.kernel);
        case Request::Kind::library:
            ++work.calls[request.call];
            return;
        case Request::Kind::up:
            ++work.copies_up;
            work.bytes_up += request.bytes;
            return;
        case Request::Kind::down:
            ++work.copies_down;
            work.bytes_down += request.bytes;
            return;
        case Request::Kind::within:
            launch(request.launch.kernel);
            work.bytes_within += request.bytes;
            return;
        case Request::Kind::nothing:
            return;
    }
}

}  // namespace

Work& Work::operator+=(const Work& other) {
    add(launches, other.launches);
    add(calls, other.calls);
    copies_up += other.copies_up;
    copies_down += other.copies_down;
    bytes_up += other.bytes_up;
    bytes_down += other.bytes_down;
    bytes_within += other.bytes_within;
    return *this;
}

std::int64_t Work::all_launches() const {
    return sum(launches);
}

std::int64_t Work::launches_of(const std::string& kernel) const {
    return std::accumulate(launches.begin(), launches.end(), std::int64_t{0},
                           [&](std::int64_t total, const auto& entry) {
                               return entry.first.kernel == kernel ? total + entry.second : total;
                           });
}

std::int64_t Work::all_calls() const {
    return sum(calls);
}

Counts& Counts::operator+=(const Counts& other) {
    direct += other.direct;
    in_graphs += other.in_graphs;
    for (const auto what :
         {&Counts::graph_launches, &Counts::graph_nodes, &Counts::recordings, &Counts::synchronisations,
          &Counts::pageable_downloads, &Counts::allocations, &Counts::frees})
        this->*what += other.*what;
    return *this;
}

CountsByRegion counts_by_region() {
    const std::lock_guard lock(device_mutex());
    return all_counts();
}

Counts counts() {
    Counts total;
    for (const auto& [region, counts] : counts_by_region()) total += counts;
    return total;
}

void reset_counts() {
    const std::lock_guard lock(device_mutex());
    all_counts().clear();
}

const std::string& current_region() {
    return regions.path;
}

void count(const Operation& operation) {
    if (operation.graph == nullptr) return add(all_counts()[operation.request.region].direct, operation);
    Counts& here = all_counts()[operation.request.region];
    ++here.graph_launches;
    here.graph_nodes += std::ssize(*operation.graph);
    for (const GraphNode& node : *operation.graph)
        add(all_counts()[node.operation.request.region].in_graphs, node.operation);
}

void count(std::int64_t Counts::*what) {
    const std::lock_guard lock(device_mutex());
    ++(all_counts()[current_region()].*what);
}

}  // namespace emulated_device

using namespace emulated_device;

extern "C" {

int nvtxRangePushA(const char* message) {
    regions.lengths.push_back(regions.path.size());
    if (!regions.path.empty()) regions.path += '/';
    regions.path += message;
    return static_cast<int>(regions.lengths.size()) - 1;
}

int nvtxRangePop() {
    if (regions.lengths.empty()) fault("nvtxRangePop without a range that is open");
    regions.path.resize(regions.lengths.back());
    regions.lengths.pop_back();
    return static_cast<int>(regions.lengths.size());
}

}  // extern "C"
