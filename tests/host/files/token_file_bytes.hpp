// Files of token ids, byte by byte after the formats' descriptions.
#pragma once

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "tests/host/files/scratch.hpp"

namespace ntpgeo {

/// llm.c: 256 int32, of which the first three are magic, version and the number of tokens.
inline std::string llmc_bytes(std::int32_t magic, std::int32_t version, std::int32_t count,
                              const std::string& ids) {
    std::vector<std::int32_t> header(256, 0);
    header[0] = magic;
    header[1] = version;
    header[2] = count;
    return bytes_of(header) + ids;
}

inline std::string npy_bytes(const std::string& descr, const std::string& shape, const std::string& data) {
    std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
    header.resize(117, ' ');
    header += '\n';
    return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + data;
}

/// What the index of a Megatron data set says; by default what is right.
struct MegatronIndex {
    std::vector<std::int32_t> lengths{};
    std::vector<std::int64_t> documents{};  ///< sequences at which they begin, and all at the end
    std::uint8_t dtype = 8;                 ///< uint16
    std::int64_t id_size = 2;
    std::uint64_t version = 1;
    std::string magic = std::string("MMIDIDX\0\0", 9);

    [[nodiscard]] std::string bytes() const {
        std::vector<std::int64_t> pointers;
        std::int64_t at = 0;
        for (const std::int32_t length : lengths) {
            pointers.push_back(at);
            at += length * id_size;
        }
        return magic + bytes_of(std::vector{version}) + bytes_of(std::vector{dtype}) +
               bytes_of(std::vector<std::uint64_t>{lengths.size(), documents.size()}) + bytes_of(lengths) +
               bytes_of(pointers) + bytes_of(documents);
    }
};

}  // namespace ntpgeo
