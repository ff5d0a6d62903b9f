// What stands below the operations and has no face on the backend: the temporary storage of device-wide
// calls, sums of rows, a minimum, and the list of tiles that the epilogue form repairs. On the emulated
// device, whose headers this needs.
#include <gtest/gtest.h>

#include <cub/device/device_reduce.cuh>
#include <port.cuh>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/anchored_xent/touched_tiles_cuda.cuh"
#include "kernels/device/device.cuh"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo {
namespace {

class DeviceRoom : public testing::Test {
  protected:
    template <class T>
    device::DeviceArray<T> upload(const std::vector<T>& values) {
        device::DeviceArray<T> array(static_cast<std::int64_t>(values.size()));
        NTPGEO_CHECK(cudaMemcpyAsync(array.data(), values.data(), values.size() * sizeof(T),
                                     cudaMemcpyHostToDevice, gpu_.stream()));
        return array;
    }
    template <class T>
    std::vector<T> download(const device::DeviceArray<T>& array) {
        std::vector<T> values(static_cast<std::size_t>(array.size()));
        NTPGEO_CHECK(cudaMemcpyAsync(values.data(), array.data(), values.size() * sizeof(T),
                                     cudaMemcpyDeviceToHost, gpu_.stream()));
        gpu_.synchronise();
        return values;
    }
    device::Device gpu_{0};
};

TEST_F(DeviceRoom, TemporaryStorageGrowsOutsideARecordingAlone) {
    const device::DeviceArray<std::int64_t> values = upload(std::vector<std::int64_t>(1000, 3));
    const device::DeviceArray<std::int64_t> sum = upload(std::vector<std::int64_t>{0});
    gpu_.synchronise();
    const auto add = [&](void* storage, std::size_t& bytes) {
        return cub::DeviceReduce::Sum(storage, bytes, values.data(), sum.data(), 1000, gpu_.stream());
    };
    const auto record = [&] { return device::Graph(gpu_.stream(), [&] { gpu_.temporary().run(add); }); };
    try {
        record();
        ADD_FAILURE() << "nothing was reserved";
    } catch (const Failure& failure) {
        EXPECT_NE(std::string(failure.what()).find("within a recording wants"), std::string::npos)
            << failure.what();
    }
    std::size_t bytes = 0;
    NTPGEO_CHECK(add(nullptr, bytes));
    gpu_.temporary().reserve(static_cast<std::int64_t>(bytes));
    EXPECT_EQ(gpu_.temporary().bytes(), static_cast<std::int64_t>(bytes));
    const device::Graph graph = record();
    EXPECT_EQ(download(sum), std::vector<std::int64_t>{0});
    graph.launch(gpu_.stream());
    EXPECT_EQ(download(sum), std::vector<std::int64_t>{3000});
    gpu_.temporary().run(add);
    gpu_.temporary().reserve(static_cast<std::int64_t>(2 * bytes));  // waits for the call that works in it
    EXPECT_EQ(gpu_.temporary().bytes(), static_cast<std::int64_t>(2 * bytes));
    gpu_.synchronise();
}

TEST_F(DeviceRoom, RowsAreSummedAndTheirLeastIsFound) {
    constexpr std::int64_t rows = 3;
    std::mt19937 random(2);
    for (const std::int64_t size : {1, 31, 1000, 4095, 4096, 4097, 8192, 9000}) {
        std::vector<double> values, expected;  // multiples of 1/8: their sums are exact
        for (std::int64_t r = 0; r < rows; ++r) {
            double sum = 0;
            for (std::int64_t j = 0; j < size; ++j) {
                values.push_back((static_cast<double>(random() % 1000) - 500) / 8);
                sum += values.back();
            }
            expected.push_back(sum);
        }
        const double least = *std::min_element(values.begin(), values.begin() + size);
        std::vector<double> row(values.begin(), values.begin() + size);
        row.push_back(-1e9);  // where the least is left
        values.resize(static_cast<std::size_t>(device::rows_to_fetch_size(rows, size)));
        const device::DeviceArray<double> all = upload(values), one = upload(row);
        EXPECT_EQ(device::fetch_row_sums(gpu_, all.data(), rows, size), expected) << size;
        EXPECT_EQ(device::fetch_minimum(gpu_, one.data(), size), least) << size;
    }
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const device::DeviceArray<double> none = upload(std::vector<double>(5, infinity));
    EXPECT_EQ(device::fetch_minimum(gpu_, none.data(), 4), infinity);
}

TEST_F(DeviceRoom, TouchedTilesHoldEverySupportEntryAndEveryContextsPaddingOnce) {
    using namespace anchored_xent::cuda;
    constexpr std::int64_t contexts = 40, width = 8;
    std::mt19937 random(3);
    for (const std::int64_t vocab : {1, 7, 8, 9, 16, 100}) {
        std::vector<std::int64_t> indptr{0};
        std::vector<std::int32_t> indices;
        for (int j = 0; j < contexts; ++j) {
            for (std::int32_t v = 0; v < vocab; ++v)
                if (random() % 4 == 0 || v == j % vocab) indices.push_back(v);
            indptr.push_back(static_cast<std::int64_t>(indices.size()));
        }
        const device::DeviceArray<std::int64_t> device_indptr = upload(indptr);
        const device::DeviceArray<std::int32_t> device_indices = upload(indices);
        CallLabels labels;
        labels.contexts = contexts;
        labels.nnz = static_cast<std::int64_t>(indices.size());
        labels.indptr = device_indptr.data();
        labels.indices = device_indices.data();

        const device::DeviceArray<std::int64_t> begins(contexts + 1);
        const device::DeviceArray<TouchedTile> list(most_touched_tiles(contexts, labels.nnz));
        const device::DeviceArray<unsigned char> scan(touched_tiles_scan_bytes(contexts));
        list_touched_tiles(labels, vocab, width, {list.data(), begins.data(), scan.data(), scan.size()},
                           gpu_.stream());
        const std::vector<std::int64_t> begin = download(begins);
        const std::vector<TouchedTile> tiles = download(list);
        for (std::int64_t j = 0; j < contexts; ++j) {
            std::int64_t position = indptr[j], last_tile = -1;
            bool padding_seen = false;
            for (std::int64_t i = begin[j]; i < begin[j + 1]; ++i) {
                const TouchedTile& tile = tiles[i];
                EXPECT_EQ(tile.context, j);
                EXPECT_GT(tile.tile, last_tile);
                EXPECT_EQ(tile.first, position);
                for (int s = 0; s < tile.entries; ++s)
                    EXPECT_EQ(indices[position + s] / width, tile.tile) << vocab << ' ' << j;
                position += tile.entries;
                last_tile = tile.tile;
                if ((tile.tile + 1) * width > vocab) padding_seen = true;
                EXPECT_TRUE(tile.entries > 0 || (tile.tile + 1) * width > vocab);
            }
            EXPECT_EQ(position, indptr[j + 1]);
            EXPECT_EQ(padding_seen, vocab % width != 0);
        }
    }
}

}  // namespace
}  // namespace ntpgeo
