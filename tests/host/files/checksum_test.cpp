// Checksums in the metadata of safetensors files (design 2.2).
#include "host/files/checksum.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/files/atomic_file.hpp"
#include "host/files/safetensors.hpp"
#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"

namespace ntpgeo {
namespace {

/// What the work is refused with; "" where it is not.
std::string message_of(const std::function<void()>& work) {
    try {
        work();
    } catch (const InputError& error) {
        return error.what();
    }
    return "";
}

/// Everything that a file has to give.
void read_all(const std::filesystem::path& path) {
    const SafetensorsFile file(path);
    for (const auto& [name, info] : file.tensors())
        info.dtype == "F64" ? (void)file.read<double>(name, 2) : (void)file.read<float>(name, 2);
}

TEST(Safetensors, WithChecksumsEveryBitThatFlipsIsFound) {
    const ScratchFolder folder;
    const std::vector<double> doubles{1.5, -2};
    const std::vector<float> floats{0.5F};
    const std::vector<TensorToWrite> tensors{tensor_to_write("W", {2, 1}, doubles),
                                             tensor_to_write("H", {1, 1}, floats)};
    write_safetensors(folder / "f", tensors,
                      with_checksums(tensors, {{"step", "7"}, {"noise_floor", "false"}}));
    EXPECT_EQ(message_of([&] { read_all(folder / "f"); }), "");
    const std::string whole = read_file(folder / "f");
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
        std::string flipped = whole;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        write_raw(folder / "f", flipped);
        EXPECT_NE(message_of([&] { read_all(folder / "f"); }), "")
            << "bit " << bit % 8 << " of byte " << bit / 8;
    }
    for (std::size_t length = 0; length < whole.size(); ++length) {
        write_raw(folder / "f", whole.substr(0, length));
        EXPECT_NE(message_of([&] { read_all(folder / "f"); }), "") << length << " bytes of " << whole.size();
    }
}

TEST(Safetensors, ADamagedTensorIsRefusedByNameAndTheOthersAreRead) {
    const ScratchFolder folder;
    const std::vector<double> w{1.5, -2};
    const std::vector<float> h{0.5F, 4};
    const std::vector<TensorToWrite> tensors{tensor_to_write("W", {2, 1}, w),
                                             tensor_to_write("H", {2, 1}, h)};
    write_safetensors(folder / "f", tensors, with_checksums(tensors, {}));
    EXPECT_EQ(SafetensorsFile(folder / "f").read_matrix("H").values, (std::vector<double>{0.5, 4}));
    std::string text = read_file(folder / "f");
    text.back() = '!';  // of H, which is the narrower
    write_raw(folder / "f", text);
    const SafetensorsFile file(folder / "f");
    EXPECT_EQ(file.read<double>("W", 2), w);
    EXPECT_EQ(file.read_matrix("W").values, w);
    for (const std::string& said : {message_of([&] { (void)file.read<float>("H", 2); }),
                                    message_of([&] { (void)file.read_matrix("H"); })}) {
        expect_contains(said, "damaged");
        expect_contains(said, "'H'");
    }
}

TEST(Safetensors, ChecksumsAreOfWhatTheDesignSays) {
    const std::vector<std::uint8_t> bytes{97, 98, 99};
    const std::vector<TensorToWrite> tensors{tensor_to_write("t", {3}, bytes)};
    const auto metadata = with_checksums(tensors, {{"step", "7"}});
    const auto hash = [](const std::string& text) { return hash_of(std::as_bytes(std::span(text))); };
    EXPECT_EQ(hash("abc"), "xxh3-128:06b05ab6733a618578af5f94892f3950");  // as xxhash's own tools have it
    EXPECT_EQ(metadata.at("checksum.t"), hash("abc"));
    EXPECT_EQ(metadata.at("checksum"), hash("{\"metadata\":{\"checksum.t\":\"" + hash("abc") +
                                            "\",\"step\":\"7\"},\"tensors\":{\"t\":[\"U8\",[3]]}}"));
    EXPECT_EQ(metadata.at("step"), "7");
    Hash in_parts;
    for (const char* part : {"a", "", "bc"})
        in_parts.update(std::as_bytes(std::span(std::string_view(part))));
    EXPECT_EQ(in_parts.text(), hash("abc"));
}

TEST(Safetensors, AHeaderWrittenAnewInAnotherOrderKeepsItsChecksum) {
    const ScratchFolder folder;
    const std::vector<double> a{1}, b{2};
    const std::vector<TensorToWrite> tensors{tensor_to_write("a", {1, 1}, a),
                                             tensor_to_write("b", {1, 1}, b)};
    const auto metadata = with_checksums(tensors, {{"step", "7"}});
    write_safetensors(folder / "f", {tensors[1], tensors[0]}, metadata);
    EXPECT_EQ(SafetensorsFile(folder / "f").read<double>("b", 2), b);
}

TEST(FileHash, IsTheXxh3OfTheBytes) {
    const ScratchFolder folder;
    write_raw(folder / "empty", "");
    // XXH3_128bits of no bytes, as its reference implementation prints it.
    EXPECT_EQ(file_hash(folder / "empty"), "xxh3-128:99aa06d3014798d86001c324468d497f");
    write_raw(folder / "abc", "abc");
    EXPECT_EQ(file_hash(folder / "abc"), "xxh3-128:06b05ab6733a618578af5f94892f3950");
}

// One byte past the buffer changes the hash, wherever it lies.
TEST(FileHash, SeesEveryByteOfALargeFile) {
    const ScratchFolder folder;
    std::string bytes((std::size_t{1} << 20) + 3, 'x');
    write_raw(folder / "f", bytes);
    const std::string hash = file_hash(folder / "f");
    bytes.back() = 'y';
    write_raw(folder / "f", bytes);
    EXPECT_NE(file_hash(folder / "f"), hash);
}

}  // namespace
}  // namespace ntpgeo
