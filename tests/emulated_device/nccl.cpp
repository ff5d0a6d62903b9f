// NCCL's functions as far as the team of GPUs calls them, against the vendor's prototypes, with ranks as
// threads. A group is a rendezvous: what it holds is matched rank by rank in the order in which it was
// queued, once all ranks have brought theirs and each one's stream has come to it. Until then the
// communicator is in progress, as one that does not block may be; sizes that do not fit break it.
#include <nccl.h>

#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "fault.hpp"
#include "streams.hpp"

namespace {

using namespace emulated_device;

/// What one rank sends to another, or takes from it.
struct Piece {
    bool sends = false;
    int peer = 0;
    const char* from = nullptr;
    char* to = nullptr;
    std::size_t bytes = 0;
    /// What is taken is added to what came before, numbers of this many bytes; 0: it is the only one.
    std::size_t adds = 0;
};

struct World {
    int size = 0, joined = 0, brought = 0;
    bool broken = false;
    std::vector<std::vector<Piece>> pieces;  // of each rank, in this round
    std::vector<bool> has_brought;
};

std::map<long, std::shared_ptr<World>>& worlds() {
    static std::map<long, std::shared_ptr<World>> all;
    return all;
}

}  // namespace

/// The vendor's opaque ncclComm_t.
struct ncclComm {
    std::shared_ptr<World> world;
    int rank = 0;
};

namespace {

thread_local int groups = 0;
thread_local std::vector<Piece> queued;
thread_local ncclComm* of_group = nullptr;
thread_local cudaStream_t stream_of_group = nullptr;

template <class T>
void add(char* to, const char* from, std::size_t bytes) {
    for (std::size_t at = 0; at < bytes; at += sizeof(T)) {
        T sum = 0, more = 0;
        std::memcpy(&sum, to + at, sizeof sum);
        std::memcpy(&more, from + at, sizeof more);
        sum += more;
        std::memcpy(to + at, &sum, sizeof sum);
    }
}

void deliver(const Piece& sent, const Piece& taken) {
    Operation operation{"NCCL", {{sent.from, sent.bytes}, {taken.to, taken.bytes}}, [&] {
                            if (taken.adds == sizeof(double))
                                add<double>(taken.to, sent.from, sent.bytes);
                            else if (taken.adds == sizeof(float))
                                add<float>(taken.to, sent.from, sent.bytes);
                            else
                                std::memmove(taken.to, sent.from, sent.bytes);
                        }};
    if (sent.bytes > 0) perform(operation);
}

/// Of all ranks' pieces, those that go from one to another in their order.
void match(World& world) {
    for (int from = 0; from < world.size; ++from)
        for (int to = 0; to < world.size; ++to) {
            std::vector<Piece> sent, taken;
            for (const Piece& piece : world.pieces[static_cast<std::size_t>(from)])
                if (piece.sends && piece.peer == to) sent.push_back(piece);
            for (const Piece& piece : world.pieces[static_cast<std::size_t>(to)])
                if (!piece.sends && piece.peer == from) taken.push_back(piece);
            if (sent.size() != taken.size()) {
                world.broken = true;
                return;
            }
            for (std::size_t i = 0; i < sent.size(); ++i) {
                if (sent[i].bytes != taken[i].bytes) {
                    world.broken = true;
                    return;
                }
                deliver(sent[i], taken[i]);
            }
        }
}

ncclResult_t bring() {
    const std::lock_guard lock(device_mutex());
    ncclComm& own = *std::exchange(of_group, nullptr);
    World& world = *own.world;
    Streams::instance().finish(Streams::instance().of(stream_of_group));
    const auto rank = static_cast<std::size_t>(own.rank);
    if (world.has_brought[rank]) fault("NCCL: a group is queued while the one before is under way");
    world.pieces[rank] = std::move(queued);
    queued.clear();
    world.has_brought[rank] = true;
    if (++world.brought < world.size) return ncclInProgress;
    match(world);
    world.brought = 0;
    world.has_brought.assign(world.has_brought.size(), false);
    return ncclSuccess;
}

ncclResult_t queue(ncclComm_t communicator, cudaStream_t stream, const std::vector<Piece>& pieces) {
    queued.insert(queued.end(), pieces.begin(), pieces.end());
    of_group = communicator;
    stream_of_group = stream;
    return groups > 0 ? ncclSuccess : bring();
}

std::size_t bytes_of(ncclDataType_t type) {
    return type == ncclFloat64 ? 8 : type == ncclFloat32 ? 4 : 1;
}

}  // namespace

extern "C" {

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
    static long next = 1;
    const std::lock_guard lock(device_mutex());
    std::memset(id, 0, sizeof *id);
    std::memcpy(id, &next, sizeof next);
    ++next;
    return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* communicator, int size, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
    if (config->blocking != 0) fault("NCCL: the emulated communicator does not block");
    long key = 0;
    std::memcpy(&key, &id, sizeof key);
    const std::lock_guard lock(device_mutex());
    std::shared_ptr<World>& world = worlds()[key];
    if (!world) {
        world = std::make_shared<World>();
        world->size = size;
        world->pieces.resize(static_cast<std::size_t>(size));
        world->has_brought.assign(static_cast<std::size_t>(size), false);
    }
    if (world->size != size || rank < 0 || rank >= size) return ncclInvalidArgument;
    ++world->joined;
    *communicator = new ncclComm{world, rank};
    return ncclInProgress;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t communicator, ncclResult_t* state) {
    const std::lock_guard lock(device_mutex());
    const World& world = *communicator->world;
    const bool waits =
        world.joined < world.size || world.has_brought[static_cast<std::size_t>(communicator->rank)];
    *state = world.broken ? ncclRemoteError : waits ? ncclInProgress : ncclSuccess;
    return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t communicator) {
    const std::lock_guard lock(device_mutex());
    communicator->world->broken = true;
    delete communicator;
    return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t communicator) {
    const std::lock_guard lock(device_mutex());
    delete communicator;
    return ncclSuccess;
}

ncclResult_t ncclGroupStart() {
    ++groups;
    return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
    return --groups > 0 || of_group == nullptr ? ncclSuccess : bring();
}

ncclResult_t ncclSend(const void* from, std::size_t count, ncclDataType_t type, int peer,
                      ncclComm_t communicator, cudaStream_t stream) {
    return queue(communicator, stream,
                 {{true, peer, static_cast<const char*>(from), nullptr, count * bytes_of(type), 0}});
}

ncclResult_t ncclRecv(void* to, std::size_t count, ncclDataType_t type, int peer, ncclComm_t communicator,
                      cudaStream_t stream) {
    return queue(communicator, stream,
                 {{false, peer, nullptr, static_cast<char*>(to), count * bytes_of(type), 0}});
}

ncclResult_t ncclBroadcast(const void* from, void* to, std::size_t count, ncclDataType_t type, int root,
                           ncclComm_t communicator, cudaStream_t stream) {
    std::vector<Piece> pieces;
    const std::size_t bytes = count * bytes_of(type);
    if (communicator->rank == root)
        for (int rank = 0; rank < communicator->world->size; ++rank)
            pieces.push_back({true, rank, static_cast<const char*>(from), nullptr, bytes, 0});
    pieces.push_back({false, root, nullptr, static_cast<char*>(to), bytes, 0});
    return queue(communicator, stream, pieces);
}

ncclResult_t ncclReduce(const void* from, void* to, std::size_t count, ncclDataType_t type,
                        ncclRedOp_t operation, int root, ncclComm_t communicator, cudaStream_t stream) {
    if (operation != ncclSum) fault("NCCL: the emulated reduction sums");
    const std::size_t bytes = count * bytes_of(type);
    std::vector<Piece> pieces{{true, root, static_cast<const char*>(from), nullptr, bytes, 0}};
    if (communicator->rank == root)
        for (int rank = 0; rank < communicator->world->size; ++rank)
            pieces.push_back(
                {false, rank, nullptr, static_cast<char*>(to), bytes, rank == 0 ? 0 : bytes_of(type)});
    return queue(communicator, stream, pieces);
}

const char* ncclGetErrorString(ncclResult_t result) {
    return result == ncclRemoteError ? "a remote process exited or there was a network error" : "an error";
}

}  // extern "C"
