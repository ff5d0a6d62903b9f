#include "host/files/matrix_file.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>

#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"

namespace ntpgeo {
namespace {

std::string npy(int version, const std::string& header, const std::string& data) {
    std::string text = "\x93NUMPY";
    text += static_cast<char>(version);
    text += '\0';
    const auto length = static_cast<std::uint32_t>(header.size());
    text += bytes_of(std::vector<std::uint32_t>{length}).substr(0, version == 1 ? 2 : 4);
    return text + header + data;
}

std::string header(const std::string& descr, const std::string& order, const std::string& shape) {
    return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }          \n";
}

HostMatrix read_bytes(const std::string& bytes) {
    const ScratchFolder folder;
    write_raw(folder / "m.npy", bytes);
    return read_npy(folder / "m.npy");
}

TEST(Npy, EveryVersionAndDtypeIsRead) {
    const std::vector<double> expected{1, 2, 3, 4, 5, -6};
    const std::string doubles = bytes_of(expected);
    const std::string singles = bytes_of(std::vector<float>{1, 2, 3, 4, 5, -6});
    const std::string halves =
        bytes_of(std::vector<std::uint16_t>{0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0xc600});
    for (const int version : {1, 2, 3}) {
        for (const auto& [descr, data] : {std::pair("<f8", doubles), {"<f4", singles}, {"<f2", halves}}) {
            SCOPED_TRACE(std::to_string(version) + descr);
            const HostMatrix matrix = read_bytes(npy(version, header(descr, "False", "(2, 3)"), data));
            EXPECT_EQ(matrix.rows, 2);
            EXPECT_EQ(matrix.columns, 3);
            EXPECT_EQ(matrix.values, expected);
        }
    }
}

TEST(Npy, BigEndianNumbersAreTurned) {
    // 1 and -2.5 as IEEE 754 writes them, the highest byte first.
    const std::string doubles("\x3f\xf0\0\0\0\0\0\0\xc0\x04\0\0\0\0\0\0", 16);
    const std::string singles("\x3f\x80\0\0\xc0\x20\0\0", 8);
    const std::string halves("\x3c\0\xc1\0", 4);
    for (const auto& [descr, data] : {std::pair(">f8", doubles), {">f4", singles}, {">f2", halves}}) {
        for (const char* order : {"False", "True"}) {
            SCOPED_TRACE(std::string(descr) + order);
            const HostMatrix matrix = read_bytes(npy(1, header(descr, order, "(1, 2)"), data));
            EXPECT_EQ(matrix.values, (std::vector<double>{1, -2.5}));
        }
    }
}

TEST(Npy, DimensionsAreReadAsEitherPythonWritesThem) {
    const std::string data = bytes_of(std::vector<double>{1, 2, 3});
    for (const char* shape : {"(3L, 1L)", "(3L,1)", "(3, 1L,)", "( 3 L , 1L )", "(3, 1,)"}) {
        SCOPED_TRACE(shape);
        const HostMatrix matrix = read_bytes(npy(1, header("<f8", "False", shape), data));
        EXPECT_EQ(matrix.rows, 3);
        EXPECT_EQ(matrix.columns, 1);
        EXPECT_EQ(matrix.values, (std::vector<double>{1, 2, 3}));
    }
    const std::string unicode = "{u'descr': u'<f8', u\"fortran_order\": False, 'shape': (3L, 1L)}";
    EXPECT_EQ(read_bytes(npy(1, unicode, data)).values, (std::vector<double>{1, 2, 3}));
}

TEST(Npy, FortranOrderIsTransposed) {
    // Past one tile in both directions.
    constexpr std::int64_t rows = 71;
    constexpr std::int64_t columns = 37;
    std::vector<double> stored(rows * columns);
    std::iota(stored.begin(), stored.end(), 0.0);
    const HostMatrix matrix = read_bytes(npy(1, header("<f8", "True", "(71, 37)"), bytes_of(stored)));
    ASSERT_EQ(matrix.rows, rows);
    ASSERT_EQ(matrix.columns, columns);
    for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < columns; ++j) {
            ASSERT_EQ(matrix.values[i * columns + j], stored[j * rows + i]) << i << ", " << j;
        }
    }
}

TEST(Npy, SpacingAndQuotesOfTheHeaderAreFree) {
    const std::string data = bytes_of(std::vector<double>{7});
    EXPECT_EQ(read_bytes(npy(1, R"({"shape":(1,1),"descr":"<f8","fortran_order":False})", data)).values,
              std::vector<double>{7});
}

TEST(Npy, OtherFilesAreRefusedInOneLine) {
    const std::string data = bytes_of(std::vector<double>{1, 2});
    const auto message = [](const std::string& bytes) {
        return refusal<InputError>([&] { read_bytes(bytes); });
    };
    expect_contains(message(""), "is empty");
    expect_contains(message("\x93NUM"), "is not a .npy file");
    expect_contains(message("a text that is long enough"), "is not a .npy file");
    expect_contains(message(npy(4, header("<f8", "False", "(1, 2)"), data)), "version 4");
    for (const char* descr : {"=f8", "|f8", "f8", "", ">", ">i4", "<i4", "|u1", "<c16", "|b1", "<f16", ">f16",
                              "|V2", "|O", "<U5", "<f8 "}) {
        expect_contains(message(npy(1, header(descr, "False", "(1, 2)"), data)),
                        std::string("dtype '") + descr);
    }
    expect_contains(message(npy(1, "{'descr': [('x', '<f8')], 'fortran_order': False, 'shape': (2,)}", data)),
                    "holds records");
    expect_contains(message(npy(1, header("<f8", "False", "(2,)"), data)),
                    "has shape (2,); it must have 2 dimensions and is 1-d");
    expect_contains(message(npy(1, header("<f8", "False", "(2L,)"), data)),
                    "has shape (2,); it must have 2 dimensions and is 1-d");
    expect_contains(message(npy(1, header("<f8", "False", "()"), bytes_of(std::vector<double>{1}))),
                    "has shape (); it must have 2 dimensions and is 0-d");
    expect_contains(message(npy(1, header("<f8", "False", "(1, 1, 2)"), data)),
                    "has shape (1, 1, 2); it must have 2 dimensions and is 3-d");
    expect_contains(message(npy(1, header("<f8", "False", "(2, 2)"), data)),
                    "truncated: its shape (2, 2) needs 32");
    expect_contains(message(npy(1, header("<f8", "False", "(1, 1)"), data)), "too long");
    expect_contains(message(npy(1, header("<f8", "False", "(4294967296, 4294967296)"), data)),
                    "impossibly large");
    expect_contains(message(npy(1, header("<f8", "False", "(2147483648, 2147483648)"), data)),
                    "impossibly large");
    expect_contains(message(npy(2, header("<f8", "False", "(1, 2)"), "").substr(0, 40)),
                    "truncated inside its header");
}

TEST(Npy, MalformedHeadersAreRefused) {
    for (const char* text :
         {"", "{", "{}", "{'descr': '<f8'}", "{'descr': '<f8', 'fortran_order': 0, 'shape': (1, 1)}",
          "{'descr': '<f8', 'fortran_order': False, 'shape': (1, -1)}",
          "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1}",
          "{'descr': '<f8, 'fortran_order': False",
          "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 99999999999999999999)}",
          "{'descr': '<f8', 'fortran_order': False, 'shape': (1l, 1)}",
          "{'descr': '<f8', 'fortran_order': False, 'shape': (1LL, 1)}",
          "{'descr': '<f8', 'fortran_order': False, 'shape': (L, 1)}",
          "{'descr': '<f8', 'fortran_order': False, 'shape': [1, 1]}",
          "{'descr': uu'<f8', 'fortran_order': False, 'shape': (1, 1)}",
          "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (1, 1)}",
          "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), 'more': 1}",
          "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1)} x"}) {
        SCOPED_TRACE(text);
        expect_contains(refusal<InputError>([&] { read_bytes(npy(1, text, std::string(8, 'x'))); }),
                        "malformed");
    }
}

}  // namespace
}  // namespace ntpgeo
