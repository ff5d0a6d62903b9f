#include "host/files/matrix_file.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "host/files/safetensors.hpp"
#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"

namespace ntpgeo {
namespace {

class MatrixFile : public testing::Test {
  protected:
    std::string save(const std::vector<double>& values, std::vector<std::int64_t> shape) {
        write_safetensors(folder_ / "f.safetensors",
                          {tensor_to_write("lm:head.weight", std::move(shape), values)}, {});
        return (folder_ / "f.safetensors").string() + ":lm:head.weight";
    }

    static std::string refused(const std::string& argument) {
        return refusal<InputError>([&] { (void)read_matrix(argument); });
    }

    ScratchFolder folder_;
};

TEST_F(MatrixFile, TensorOfASafetensorsFile) {
    const HostMatrix matrix = read_matrix(save({1, 2, 3, 4, 5, 6}, {3, 2}));
    EXPECT_EQ(matrix.rows, 3);
    EXPECT_EQ(matrix.columns, 2);
    EXPECT_EQ(matrix.values, (std::vector<double>{1, 2, 3, 4, 5, 6}));
}

TEST_F(MatrixFile, NpyFile) {
    const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }";
    write_raw(folder_ / "m.npy", std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size()) + '\0' +
                                     header + bytes_of(std::vector<float>{1, 2}));
    EXPECT_EQ(read_matrix((folder_ / "m.npy").string()).values, (std::vector<double>{1, 2}));
}

TEST_F(MatrixFile, ArgumentsOfNeitherFormAreRefused) {
    for (const char* argument : {"", "m.txt", "f:W", "safetensors"}) {
        expect_contains(refused(argument), "give F.npy or F.safetensors:NAME");
    }
    expect_contains(refused("none/m.npy"), "No such file");
    for (const char* argument : {"none/f.safetensors:W", "none/f.safetensors", "none/f.safetensors:"}) {
        expect_contains(refused(argument), "none/f.safetensors: cannot be opened");
    }
}

TEST_F(MatrixFile, AFileWhoseTensorIsNotNamedSaysWhichItHas) {
    const std::vector<double> values{1};
    const std::string file = (folder_ / "f.safetensors").string();
    write_safetensors(file, {tensor_to_write("lm:head", {1, 1}, values), tensor_to_write("E\n", {1}, values)},
                      {});
    const std::string right =
        "' names no matrix; give F.npy or F.safetensors:NAME; the file holds E\\x0a, lm:head";
    EXPECT_EQ(refused(file), "'" + file + right);
    EXPECT_EQ(refused(file + ":"), "'" + file + ":" + right);

    std::vector<TensorToWrite> many;
    for (int i = 100; i < 205; ++i) many.push_back(tensor_to_write("t" + std::to_string(i), {1}, values));
    write_safetensors(file, many, {});
    expect_contains(refused(file), "t198, t199 and 5 more");
    expect_contains(refused(file + ":t"), "has no tensor 't'; it holds t100, ");
    write_safetensors(file, {}, {});
    expect_contains(refused(file), "the file holds none");
}

TEST_F(MatrixFile, MetadataThatAreNullAreNone) {
    write_raw(
        folder_ / "f.safetensors",
        raw_safetensors(R"({"__metadata__":null,"w":{"dtype":"F64","shape":[1,2],"data_offsets":[0,16]}})",
                        bytes_of(std::vector<double>{3, 4})));
    EXPECT_EQ(read_matrix((folder_ / "f.safetensors").string() + ":w").values, (std::vector<double>{3, 4}));
    EXPECT_TRUE(SafetensorsFile(folder_ / "f.safetensors").metadata().empty());
}

TEST_F(MatrixFile, TensorsThatAreNoMatrixAreRefusedByTheirDimensions) {
    expect_contains(refused(save({1}, {})),
                    "'lm:head.weight' has shape []; it must have 2 dimensions and is 0-d");
    expect_contains(refused(save({1, 2}, {2})), "has shape [2]; it must have 2 dimensions and is 1-d");
}

TEST_F(MatrixFile, EntriesThatAreNotFiniteAreNamedByPosition) {
    expect_contains(refused(save({1, 2, 3, 4, std::numeric_limits<double>::quiet_NaN(), 6}, {2, 3})),
                    "[1, 1] is nan");
    expect_contains(refused(save({1, 2, -std::numeric_limits<double>::infinity(), 4}, {2, 2})),
                    "[1, 0] is -inf; every entry must be finite");
    expect_contains(refused(save({1, 2, 3, -1e71}, {2, 2})),
                    "[1, 1] is -1e+71; every entry must be at most 1e+70 in absolute value");
}

TEST_F(MatrixFile, MatricesWithoutEntriesAreRefused) {
    expect_contains(refused(save({}, {0, 4})), "shape [0, 4]");
    expect_contains(refused(save({}, {4, 0})), "shape [4, 0]");
}

}  // namespace
}  // namespace ntpgeo
