// The emulated cuBLAS against its definitions: layouts, transposes, leading dimensions, roundings. Small
// whole numbers make most results exact.
#include <cublas_v2.h>
#include <cuda_bf16.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "device_array.hpp"

namespace {

class Blas : public testing::Test {
  protected:
    void SetUp() override { ASSERT_EQ(cublasCreate(&handle), CUBLAS_STATUS_SUCCESS); }
    void TearDown() override { EXPECT_EQ(cublasDestroy(handle), CUBLAS_STATUS_SUCCESS); }

    cublasHandle_t handle = nullptr;
};

/// Whole numbers -8 .. 8: sums of their products are exact in every format that accumulates them.
template <class T>
std::vector<T> whole_numbers(std::size_t size, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<T> values(size);
    for (T& value : values) value = static_cast<T>(static_cast<float>(static_cast<int>(random() % 17) - 8));
    return values;
}

double as_double(double value) {
    return value;
}
double as_double(float value) {
    return value;
}
double as_double(__nv_bfloat16 value) {
    return __bfloat162float(value);
}

/// Entry (i, j) of op(X), column-major.
template <class T>
double entry(const std::vector<T>& x, std::size_t leading, cublasOperation_t transpose, std::size_t i,
             std::size_t j) {
    return as_double(transpose == CUBLAS_OP_N ? x[j * leading + i] : x[i * leading + j]);
}

struct Case {
    std::size_t m, n, k;
    cublasOperation_t transpose_a, transpose_b;

    [[nodiscard]] std::size_t lda() const { return (transpose_a == CUBLAS_OP_N ? m : k) + 2; }
    [[nodiscard]] std::size_t ldb() const { return (transpose_b == CUBLAS_OP_N ? k : n) + 1; }
    [[nodiscard]] std::size_t ldc() const { return m + 3; }
    [[nodiscard]] std::size_t size_a() const { return lda() * (transpose_a == CUBLAS_OP_N ? k : m); }
    [[nodiscard]] std::size_t size_b() const { return ldb() * (transpose_b == CUBLAS_OP_N ? n : k); }
};

std::vector<Case> cases() {
    std::vector<Case> all;
    for (const auto transpose_a : {CUBLAS_OP_N, CUBLAS_OP_T})
        for (const auto transpose_b : {CUBLAS_OP_N, CUBLAS_OP_T})
            for (const std::size_t k : {1, 6}) all.push_back({5, 4, k, transpose_a, transpose_b});
    return all;
}

/// Calls `product(case, alpha, a, b, beta, c)` and holds C against 2·op(A)·op(B) + beta·C; the gaps must
/// stay.
template <class In, class Out, class Product>
void expect_products(Product product) {
    for (const Case& c : cases()) {
        for (const int beta : {0, -3}) {
            const auto a = whole_numbers<In>(c.size_a(), 1), b = whole_numbers<In>(c.size_b(), 2);
            const auto before = whole_numbers<Out>(c.ldc() * c.n, 3);
            const DeviceArray<In> device_a(a), device_b(b);
            const DeviceArray<Out> device_c(before);
            ASSERT_EQ(product(c, device_a.data(), device_b.data(), beta, device_c.data()),
                      CUBLAS_STATUS_SUCCESS);
            const auto after = device_c.values();
            for (std::size_t j = 0; j < c.n; ++j) {
                for (std::size_t i = 0; i < c.ldc(); ++i) {
                    double expected = as_double(before[j * c.ldc() + i]);
                    if (i < c.m) {
                        expected *= beta;
                        for (std::size_t l = 0; l < c.k; ++l)
                            expected += 2 * entry(a, c.lda(), c.transpose_a, i, l) *
                                        entry(b, c.ldb(), c.transpose_b, l, j);
                        expected = as_double(static_cast<Out>(expected));
                    }
                    EXPECT_EQ(as_double(after[j * c.ldc() + i]), expected) << i << ", " << j;
                }
            }
        }
    }
}

int narrow(std::size_t size) {
    return static_cast<int>(size);
}

TEST_F(Blas, ProductsOfDoubles) {
    expect_products<double, double>(
        [&](const Case& c, const double* a, const double* b, int beta, double* out) {
            const double two = 2, scale = beta;
            return cublasDgemm(handle, c.transpose_a, c.transpose_b, narrow(c.m), narrow(c.n), narrow(c.k),
                               &two, a, narrow(c.lda()), b, narrow(c.ldb()), &scale, out, narrow(c.ldc()));
        });
}

TEST_F(Blas, ProductsOfFloatsInWideIntegers) {
    expect_products<float, float>([&](const Case& c, const float* a, const float* b, int beta, float* out) {
        const float two = 2, scale = static_cast<float>(beta);
        return cublasSgemm_64(handle, c.transpose_a, c.transpose_b, narrow(c.m), narrow(c.n), narrow(c.k),
                              &two, a, narrow(c.lda()), b, narrow(c.ldb()), &scale, out, narrow(c.ldc()));
    });
}

template <class In, class Out>
cublasStatus_t product_ex(cublasHandle_t handle, const Case& c, const In* a, cudaDataType in, const In* b,
                          int beta, Out* out, cudaDataType out_type, cublasComputeType_t compute) {
    const float two = 2, scale = static_cast<float>(beta);
    return cublasGemmEx(handle, c.transpose_a, c.transpose_b, narrow(c.m), narrow(c.n), narrow(c.k), &two, a,
                        in, narrow(c.lda()), b, in, narrow(c.ldb()), &scale, out, out_type, narrow(c.ldc()),
                        compute, CUBLAS_GEMM_DEFAULT);
}

TEST_F(Blas, ProductsOfMixedTypes) {
    using Bf16 = __nv_bfloat16;
    expect_products<Bf16, float>([&](const Case& c, const Bf16* a, const Bf16* b, int beta, float* out) {
        return product_ex(handle, c, a, CUDA_R_16BF, b, beta, out, CUDA_R_32F, CUBLAS_COMPUTE_32F);
    });
    expect_products<Bf16, Bf16>([&](const Case& c, const Bf16* a, const Bf16* b, int beta, Bf16* out) {
        return product_ex(handle, c, a, CUDA_R_16BF, b, beta, out, CUDA_R_16BF, CUBLAS_COMPUTE_32F);
    });
    expect_products<float, float>([&](const Case& c, const float* a, const float* b, int beta, float* out) {
        return product_ex(handle, c, a, CUDA_R_32F, b, beta, out, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32);
    });
}

/// 1×1 products: what the factors are rounded to.
float product_of(cublasHandle_t handle, float x, float y, cublasComputeType_t compute) {
    const DeviceArray<float> a(std::vector<float>{x}), b(std::vector<float>{y}), c(1);
    EXPECT_EQ(product_ex(handle, {1, 1, 1, CUBLAS_OP_N, CUBLAS_OP_N}, a.data(), CUDA_R_32F, b.data(), 0,
                         c.data(), CUDA_R_32F, compute),
              CUBLAS_STATUS_SUCCESS);
    return c.values()[0] / 2;
}

TEST_F(Blas, Tf32KeepsTenBits) {
    const auto tf32 = [&](float x) { return product_of(handle, x, 1, CUBLAS_COMPUTE_32F_FAST_TF32); };
    EXPECT_EQ(tf32(1 + 0x1p-10f), 1 + 0x1p-10f);
    EXPECT_EQ(tf32(1 + 0x1p-11f), 1 + 0x1p-10f);  // a tie goes away from zero
    EXPECT_EQ(tf32(-1 - 0x1p-11f), -1 - 0x1p-10f);
    EXPECT_EQ(tf32(1 + 0x1p-12f), 1);
    EXPECT_EQ(tf32(1 + 0x1.8p-11f), 1 + 0x1p-10f);
    EXPECT_EQ(tf32(2 - 0x1p-20f), 2);  // carries into the exponent
    EXPECT_EQ(tf32(std::numeric_limits<float>::infinity()), std::numeric_limits<float>::infinity());
    EXPECT_TRUE(std::isnan(tf32(std::numeric_limits<float>::quiet_NaN())));
    EXPECT_EQ(product_of(handle, 1 + 0x1p-12f, 1, CUBLAS_COMPUTE_32F), 1 + 0x1p-12f);
    ASSERT_EQ(cublasSetMathMode(handle, CUBLAS_TF32_TENSOR_OP_MATH), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(product_of(handle, 1 + 0x1p-12f, 1, CUBLAS_COMPUTE_32F), 1);
}

/// x1 + x2, accumulated in fp32 and rounded to bf16 (7 bits of fraction).
float bf16_sum(cublasHandle_t handle, float x1, float x2) {
    const DeviceArray<__nv_bfloat16> a(std::vector<__nv_bfloat16>{x1, x2}),
        b(std::vector<__nv_bfloat16>{0.5f, 0.5f}), c(1);
    const float two = 2, zero = 0;
    EXPECT_EQ(cublasGemmEx_64(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 2, &two, a.data(), CUDA_R_16BF, 1,
                              b.data(), CUDA_R_16BF, 2, &zero, c.data(), CUDA_R_16BF, 1, CUBLAS_COMPUTE_32F,
                              CUBLAS_GEMM_DEFAULT),
              CUBLAS_STATUS_SUCCESS);
    return __bfloat162float(c.values()[0]);
}

TEST_F(Blas, Bf16ResultsRoundToNearestEven) {
    EXPECT_EQ(bf16_sum(handle, 1, 0x1p-7f), 1 + 0x1p-7f);
    EXPECT_EQ(bf16_sum(handle, 1, 0x1p-8f), 1);
    EXPECT_EQ(bf16_sum(handle, 1 + 0x1p-7f, 0x1p-8f), 1 + 0x1p-6f);
    EXPECT_EQ(bf16_sum(handle, 1, 0x1.02p-8f), 1 + 0x1p-7f);
}

TEST_F(Blas, ZeroBetaDoesNotReadTheResult) {
    const DeviceArray<double> a(std::vector<double>{3}), b(std::vector<double>{5}), c(1);  // c is poison
    const double one = 1, zero = 0;
    EXPECT_EQ(cublasDgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.data(), 1, b.data(), 1, &zero,
                          c.data(), 1),
              CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(c.values()[0], 15);
    EXPECT_EQ(cublasDgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 0, &one, a.data(), 1, b.data(), 1, &zero,
                          c.data(), 1),
              CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(c.values()[0], 0);  // an empty sum
}

TEST_F(Blas, BatchesByStride) {
    const std::size_t batch = 3, m = 2, n = 3, k = 2, stride_a = 5, stride_c = 7;
    const auto a = whole_numbers<double>(stride_a * batch, 1), b = whole_numbers<double>(k * n, 2);
    const DeviceArray<double> device_a(a), device_b(b), c(std::vector<double>(stride_c * batch, 99));
    const double one = 1, zero = 0;
    ASSERT_EQ(cublasGemmStridedBatchedEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, m, n, k, &one, device_a.data(),
                                         CUDA_R_64F, m, stride_a, device_b.data(), CUDA_R_64F, k, 0, &zero,
                                         c.data(), CUDA_R_64F, m, stride_c, batch, CUBLAS_COMPUTE_64F,
                                         CUBLAS_GEMM_DEFAULT),
              CUBLAS_STATUS_SUCCESS);
    const auto result = c.values();
    for (std::size_t p = 0; p < batch; ++p) {
        for (std::size_t j = 0; j < n; ++j)
            for (std::size_t i = 0; i < m; ++i)
                EXPECT_EQ(result[p * stride_c + j * m + i],
                          a[p * stride_a + i] * b[j * k] + a[p * stride_a + m + i] * b[j * k + 1]);
        EXPECT_EQ(result[p * stride_c + m * n], 99);
    }
}

TEST_F(Blas, SymmetricProductsAndSums) {
    const auto a = whole_numbers<double>(12, 4);
    const DeviceArray<double> device_a(a), lower(std::vector<double>(16, 1)), sum(12);
    const double one = 1, two = 2;
    ASSERT_EQ(cublasDsyrk(handle, CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_N, 4, 3, &one, device_a.data(), 4, &two,
                          lower.data(), 4),
              CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(cublasDgeam(handle, CUBLAS_OP_T, CUBLAS_OP_N, 3, 4, &two, device_a.data(), 4, &one,
                          device_a.data(), 3, sum.data(), 3),
              CUBLAS_STATUS_SUCCESS);
    const auto syrk = lower.values(), geam = sum.values();
    for (std::size_t j = 0; j < 4; ++j) {
        for (std::size_t i = 0; i < 4; ++i) {
            double expected = 2;
            for (std::size_t l = 0; l < 3; ++l) expected += a[l * 4 + i] * a[l * 4 + j];
            EXPECT_EQ(syrk[j * 4 + i], i >= j ? expected : 1);
        }
        for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(geam[j * 3 + i], 2 * a[i * 4 + j] + a[j * 3 + i]);
    }
}

TEST_F(Blas, Vectors) {
    const DeviceArray<double> x(std::vector<double>{1, -1, 2, -1, 3}), y(std::vector<double>{4, 5, 6});
    const double two = 2, minus_one = -1;
    double dot = 0, norm = 0;
    ASSERT_EQ(cublasDdot(handle, 3, x.data(), 2, y.data(), 1, &dot), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(dot, 4 + 10 + 18);
    ASSERT_EQ(cublasDscal(handle, 3, &two, x.data(), 2), CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(cublasDaxpy(handle, 3, &minus_one, x.data(), 2, y.data(), 1), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(x.values(), (std::vector<double>{2, -1, 4, -1, 6}));
    EXPECT_EQ(y.values(), (std::vector<double>{2, 1, 0}));
    ASSERT_EQ(cublasDnrm2(handle, 2, x.data(), 4, &norm), CUBLAS_STATUS_SUCCESS);
    EXPECT_NEAR(norm, std::sqrt(40), 1e-15 * 7);
}

TEST_F(Blas, RefusesWhatTheVendorRefuses) {
    const DeviceArray<double> a(std::vector<double>(16, 1)), c(16);
    const double one = 1;
    EXPECT_EQ(cublasDgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 4, &one, a.data(), 3, a.data(), 4, &one,
                          c.data(), 4),
              CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_EQ(cublasSetWorkspace(handle, a.data() + 1, 8), CUBLAS_STATUS_INVALID_VALUE);
    EXPECT_STREQ(cublasGetStatusString(CUBLAS_STATUS_INVALID_VALUE), "CUBLAS_STATUS_INVALID_VALUE");
}

TEST_F(Blas, WorkspaceIsScribbledOver) {
    const DeviceArray<double> a(std::vector<double>{3}), c(1), workspace(std::vector<double>(32, 1));
    const double one = 1, zero = 0;
    ASSERT_EQ(cublasSetWorkspace(handle, workspace.data(), 256), CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(cublasDgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.data(), 1, a.data(), 1, &zero,
                          c.data(), 1),
              CUBLAS_STATUS_SUCCESS);
    EXPECT_TRUE(std::isnan(workspace.values()[5]));
    EXPECT_EQ(c.values()[0], 9);
}

}  // namespace
