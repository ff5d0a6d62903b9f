// Arrays of the emulated device for tests that call the libraries: uploads and downloads that wait.
#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <random>
#include <vector>

template <class T>
class DeviceArray {
  public:
    explicit DeviceArray(std::size_t size) : size_(size) {
        EXPECT_EQ(cudaMalloc(&data_, (size + 1) * sizeof(T)), cudaSuccess);
    }
    explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
        EXPECT_EQ(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice), cudaSuccess);
    }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;
    ~DeviceArray() { EXPECT_EQ(cudaFree(data_), cudaSuccess); }

    [[nodiscard]] T* data() const { return data_; }
    [[nodiscard]] std::vector<T> values() const {
        std::vector<T> result(size_);
        EXPECT_EQ(cudaMemcpy(result.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost), cudaSuccess);
        return result;
    }

  private:
    T* data_ = nullptr;
    std::size_t size_;
};

/// Standard normal values.
template <class T>
std::vector<T> normal_values(std::size_t size, unsigned seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    std::vector<T> values(size);
    for (T& value : values) value = static_cast<T>(normal(random));
    return values;
}
