// In place of the module of NCCL: ranks as processes over a socket of the first one's, so that the program
// can be started as torchrun starts it, on the emulated device. Slow: what is in a GPU's memory goes by the
// host's.
#include <cuda_runtime_api.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "kernels/base/boundary_stamp.hpp"
#include "kernels/team/team_module.hpp"

namespace ntpgeo {
namespace {

int listener = -1;  // the first rank's, from the id on

sockaddr_un address_of(const std::string& id) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, id.data(),
                std::min(id.size(), sizeof address.sun_path - 2));  // no file
    return address;
}

std::string new_id() {
    const std::string id = "ntpgeo-ranks-" + std::to_string(getpid());
    const sockaddr_un address = address_of(id);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener, 16) != 0)
        throw TeamFailure("no socket");
    return id;
}

class SocketTeam final : public Team {
  public:
    SocketTeam(const std::string& id, const GpuRank& rank)
        : rank_(rank.rank), size_(rank.size), device_(rank.device) {
        if (rank_ == 0) {
            others_.resize(static_cast<std::size_t>(size_), -1);
            for (int k = 1; k < size_; ++k) {
                const int peer = accept(listener, nullptr, nullptr);
                std::int64_t number = 0;
                receive(peer, &number, sizeof number);
                others_[static_cast<std::size_t>(number)] = peer;
            }
            return;
        }
        const sockaddr_un address = address_of(id);
        const int first = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(first, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw TeamFailure("nobody listens");
        others_ = {first};
        const std::int64_t number = rank_;
        send_all(first, &number, sizeof number);
    }
    SocketTeam(const SocketTeam&) = delete;
    SocketTeam& operator=(const SocketTeam&) = delete;
    ~SocketTeam() override {
        for (const int peer : others_) close(peer);
    }

    [[nodiscard]] int rank() const override { return rank_; }
    [[nodiscard]] int size() const override { return size_; }
    [[nodiscard]] bool reaches_device() const override { return true; }

    void exchange(Where where, std::int64_t row_bytes, const void* send,
                  std::span<const std::int64_t> send_at, void* receive_to,
                  std::span<const std::int64_t> receive_at) override {
        if (where == Where::device) {
            const std::string sent = downloaded(send, send_at.back() * row_bytes);
            std::string received(static_cast<std::size_t>(receive_at.back() * row_bytes), '\0');
            exchange(Where::host, row_bytes, sent.data(), send_at, received.data(), receive_at);
            return upload(received, receive_to);
        }
        // What is sent to whom stands first.
        std::string own(reinterpret_cast<const char*>(send_at.data()), send_at.size_bytes());
        own.append(static_cast<const char*>(send), static_cast<std::size_t>(send_at.back() * row_bytes));
        const std::vector<std::string> all = shown(own);
        for (int k = 0; k < size_; ++k) {
            const std::string& theirs = all[static_cast<std::size_t>(k)];
            std::vector<std::int64_t> at(send_at.size());
            std::memcpy(at.data(), theirs.data(), send_at.size_bytes());
            std::memcpy(
                static_cast<char*>(receive_to) + receive_at[k] * row_bytes,
                theirs.data() + send_at.size_bytes() + at[static_cast<std::size_t>(rank_)] * row_bytes,
                static_cast<std::size_t>((receive_at[k + 1] - receive_at[k]) * row_bytes));
        }
    }
    void gather(Where where, std::int64_t row_bytes, void* data, std::span<const std::int64_t> at) override {
        if (where == Where::device) {
            std::string all = downloaded(data, at.back() * row_bytes);
            gather(Where::host, row_bytes, all.data(), at);
            return upload(all, data);
        }
        char* const rows = static_cast<char*>(data);
        const std::vector<std::string> all =
            shown({rows + at[rank_] * row_bytes,
                   static_cast<std::size_t>((at[rank_ + 1] - at[rank_]) * row_bytes)});
        for (int k = 0; k < size_; ++k)
            std::memcpy(rows + at[k] * row_bytes, all[static_cast<std::size_t>(k)].data(),
                        all[static_cast<std::size_t>(k)].size());
    }
    void sum_scatter(Where, Real, std::int64_t, const void*, std::span<const std::int64_t>, void*) override {
        throw TeamFailure("no test takes --sums fast here");
    }
    int at_first(const std::function<int()>& work) override {
        const int status = rank_ == 0 ? work() : 0;
        const std::vector<std::string> all = shown({reinterpret_cast<const char*>(&status), sizeof status});
        int of_first = 0;
        std::memcpy(&of_first, all[0].data(), sizeof of_first);
        return of_first;
    }
    void end_job(int) override {
        for (const int peer : others_) shutdown(peer, SHUT_RDWR);
    }

  private:
    [[nodiscard]] std::string downloaded(const void* data, std::int64_t bytes) const {
        std::string text(static_cast<std::size_t>(bytes), '\0');
        if (cudaSetDevice(device_) != cudaSuccess || cudaDeviceSynchronize() != cudaSuccess ||
            cudaMemcpy(text.data(), data, text.size(), cudaMemcpyDefault) != cudaSuccess)
            throw TeamFailure("the GPU's memory cannot be read");
        return text;
    }
    static void upload(const std::string& text, void* data) {
        if (cudaMemcpy(data, text.data(), text.size(), cudaMemcpyDefault) != cudaSuccess)
            throw TeamFailure("the GPU's memory cannot be written");
    }

    static void send_all(int peer, const void* data, std::size_t bytes) {
        for (std::size_t done = 0; done < bytes;) {
            const ssize_t now =
                ::send(peer, static_cast<const char*>(data) + done, bytes - done, MSG_NOSIGNAL);
            if (now <= 0) throw TeamFailure("a rank is gone");
            done += static_cast<std::size_t>(now);
        }
    }
    static void receive(int peer, void* data, std::size_t bytes) {
        for (std::size_t done = 0; done < bytes;) {
            const ssize_t now = recv(peer, static_cast<char*>(data) + done, bytes - done, 0);
            if (now <= 0) throw TeamFailure("a rank is gone");
            done += static_cast<std::size_t>(now);
        }
    }
    static void send_text(int peer, const std::string& text) {
        const std::size_t size = text.size();
        send_all(peer, &size, sizeof size);
        send_all(peer, text.data(), size);
    }
    static std::string receive_text(int peer) {
        std::size_t size = 0;
        receive(peer, &size, sizeof size);
        std::string text(size, '\0');
        receive(peer, text.data(), size);
        return text;
    }
    /// What every rank shows, by rank.
    std::vector<std::string> shown(const std::string& own) {
        std::vector<std::string> all(static_cast<std::size_t>(size_));
        if (rank_ != 0) {
            send_text(others_[0], own);
            for (std::string& text : all) text = receive_text(others_[0]);
            return all;
        }
        all[0] = own;
        for (std::size_t k = 1; k < all.size(); ++k) all[k] = receive_text(others_[k]);
        for (std::size_t k = 1; k < all.size(); ++k)
            for (const std::string& text : all) send_text(others_[k], text);
        return all;
    }

    int rank_, size_, device_;
    std::vector<int> others_;  // by rank; of the others the first one's
};

std::unique_ptr<Team> join(const std::string& id, const GpuRank& rank, double) {
    return std::make_unique<SocketTeam>(id, rank);
}

}  // namespace
}  // namespace ntpgeo

extern "C" {

const char* ntpgeo_team_stamp() {
    return ntpgeo::boundary_stamp;
}

const ntpgeo::NcclModule* ntpgeo_nccl_module() {
    static constexpr ntpgeo::NcclModule module{ntpgeo::new_id, ntpgeo::join};
    return &module;
}
}
