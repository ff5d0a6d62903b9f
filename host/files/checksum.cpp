#include "host/files/checksum.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "host/files/input_file.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

std::string text_of(const XXH128_hash_t& hash) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    std::string text = "xxh3-128:";
    for (const unsigned char byte : canonical.digest) text += fmt::format("{:02x}", byte);
    return text;
}

}  // namespace

void Hash::Free::operator()(XXH3_state_s* state) const {
    XXH3_freeState(state);
}

Hash::Hash() : state_(XXH3_createState()) {
    if (!state_ || XXH3_128bits_reset(state_.get()) != XXH_OK) throw Failure("no memory for a hash");
}

void Hash::update(std::span<const std::byte> bytes) {
    // Its only error is a null pointer, which stands for no bytes here.
    if (!bytes.empty()) XXH3_128bits_update(state_.get(), bytes.data(), bytes.size());
}

std::string Hash::text() const {
    return text_of(XXH3_128bits_digest(state_.get()));
}

std::string hash_of(std::span<const std::byte> bytes) {
    return text_of(XXH3_128bits(bytes.data(), bytes.size()));
}

std::string file_hash(const std::filesystem::path& path) {
    const InputFile file(path);
    Hash hash;
    std::vector<std::byte> buffer(std::size_t{1} << 20);
    for (std::uint64_t offset = 0; offset < file.size(); offset += buffer.size()) {
        const auto part =
            std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), file.size() - offset));
        file.read(offset, part);
        hash.update(part);
    }
    return hash.text();
}

}  // namespace ntpgeo
