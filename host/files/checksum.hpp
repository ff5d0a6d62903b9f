// Hashes of bytes as the program writes them down: XXH3 of 128 bits, "xxh3-128:" and 32 hexadecimal digits.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

struct XXH3_state_s;

namespace ntpgeo {

/// The hash of bytes that come in parts.
class Hash {
  public:
    /// Throws Failure where there is no memory for its state.
    Hash();
    void update(std::span<const std::byte> bytes);
    /// Of all bytes so far.
    [[nodiscard]] std::string text() const;

  private:
    struct Free {
        void operator()(XXH3_state_s* state) const;
    };
    std::unique_ptr<XXH3_state_s, Free> state_;
};

/// The hash of bytes that are all there.
std::string hash_of(std::span<const std::byte> bytes);

/// The hash of a file's bytes. Throws InputError where it cannot be read.
std::string file_hash(const std::filesystem::path& path);

}  // namespace ntpgeo
