// The emulated cuSOLVER against the definitions of its decompositions.
#include <cublas_v2.h>
#include <cusolverDn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "device_array.hpp"

namespace {

using Matrix = std::vector<double>;  // column-major

constexpr double tolerance = 1e-12;

/// AᵀB of matrices with `rows` rows.
Matrix transposed_product(const Matrix& a, const Matrix& b, std::size_t rows) {
    const std::size_t m = a.size() / rows, n = b.size() / rows;
    Matrix product(m * n);
    for (std::size_t j = 0; j < n; ++j)
        for (std::size_t i = 0; i < m; ++i)
            for (std::size_t l = 0; l < rows; ++l) product[j * m + i] += a[i * rows + l] * b[j * rows + l];
    return product;
}

void expect_orthonormal_columns(const Matrix& q, std::size_t rows, double within = tolerance) {
    const Matrix gram = transposed_product(q, q, rows);
    const std::size_t n = q.size() / rows;
    for (std::size_t j = 0; j < n; ++j)
        for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(gram[j * n + i], i == j ? 1 : 0, within);
}

class Solver : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(cusolverDnCreate(&handle), CUSOLVER_STATUS_SUCCESS);
        ASSERT_EQ(cusolverDnCreateParams(&parameters), CUSOLVER_STATUS_SUCCESS);
    }
    void TearDown() override {
        EXPECT_EQ(cusolverDnDestroyParams(parameters), CUSOLVER_STATUS_SUCCESS);
        EXPECT_EQ(cusolverDnDestroy(handle), CUSOLVER_STATUS_SUCCESS);
    }

    template <class T>
    void expect_symmetric_eigenvectors(cudaDataType type, double within);

    cusolverDnHandle_t handle = nullptr;
    cusolverDnParams_t parameters = nullptr;
    DeviceArray<int> info{1};
    std::size_t device_bytes = 0, host_bytes = 0;
};

/// Decomposes a symmetric matrix in the arithmetic of T and looks at the eigenvectors.
template <class T>
void Solver::expect_symmetric_eigenvectors(cudaDataType type, double within) {
    constexpr std::size_t n = 7;
    const Matrix half = normal_values<double>(n * n, 1);
    Matrix a = transposed_product(half, half, n);
    const DeviceArray<T> vectors(std::vector<T>(a.begin(), a.end())), values(n);
    ASSERT_EQ(cusolverDnXsyevd_bufferSize(handle, parameters, CUSOLVER_EIG_MODE_VECTOR,
                                          CUBLAS_FILL_MODE_LOWER, n, type, vectors.data(), n, type,
                                          values.data(), type, &device_bytes, &host_bytes),
              CUSOLVER_STATUS_SUCCESS);
    const DeviceArray<char> workspace(device_bytes);
    std::vector<char> host_workspace(host_bytes);
    const auto decompose = [&](std::size_t bytes) {
        return cusolverDnXsyevd(handle, parameters, CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_LOWER, n, type,
                                vectors.data(), n, type, values.data(), type, workspace.data(), bytes,
                                host_workspace.data(), host_bytes, info.data());
    };
    EXPECT_EQ(decompose(device_bytes - 1), CUSOLVER_STATUS_INVALID_VALUE);
    ASSERT_EQ(decompose(device_bytes), CUSOLVER_STATUS_SUCCESS);
    const std::vector<T> rows = vectors.values(), ascending = values.values();
    const Matrix q(rows.begin(), rows.end()), lambda(ascending.begin(), ascending.end());
    EXPECT_EQ(info.values()[0], 0);
    EXPECT_TRUE(std::is_sorted(lambda.begin(), lambda.end()));
    expect_orthonormal_columns(q, n, within);
    for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t i = 0; i < n; ++i) {
            double image = 0;
            for (std::size_t l = 0; l < n; ++l) image += a[l * n + i] * q[j * n + l];
            EXPECT_NEAR(image, lambda[j] * q[j * n + i], within * 100);
        }
    }
}

TEST_F(Solver, SymmetricEigenvectors) {
    expect_symmetric_eigenvectors<double>(CUDA_R_64F, tolerance);
    expect_symmetric_eigenvectors<float>(CUDA_R_32F, 1e-5);
}

TEST_F(Solver, SingularVectors) {
    constexpr std::size_t m = 6, n = 4;
    const Matrix a = normal_values<double>(m * n, 2);
    const DeviceArray<double> matrix(a), s(n), u(m * n), vt(n * n);
    ASSERT_EQ(cusolverDnXgesvd_bufferSize(handle, parameters, 'S', 'S', m, n, CUDA_R_64F, matrix.data(), m,
                                          CUDA_R_64F, s.data(), CUDA_R_64F, u.data(), m, CUDA_R_64F,
                                          vt.data(), n, CUDA_R_64F, &device_bytes, &host_bytes),
              CUSOLVER_STATUS_SUCCESS);
    const DeviceArray<char> workspace(device_bytes);
    std::vector<char> host_workspace(host_bytes);
    const auto decompose = [&](std::int64_t rows, std::int64_t columns) {
        return cusolverDnXgesvd(handle, parameters, 'S', 'S', rows, columns, CUDA_R_64F, matrix.data(), rows,
                                CUDA_R_64F, s.data(), CUDA_R_64F, u.data(), rows, CUDA_R_64F, vt.data(),
                                columns, CUDA_R_64F, workspace.data(), device_bytes, host_workspace.data(),
                                host_bytes, info.data());
    };
    EXPECT_EQ(decompose(n, m), CUSOLVER_STATUS_INVALID_VALUE);  // the vendor's wants m >= n
    ASSERT_EQ(decompose(m, n), CUSOLVER_STATUS_SUCCESS);
    const Matrix left = u.values(), right = vt.values(), sigma = s.values();
    EXPECT_EQ(info.values()[0], 0);
    EXPECT_TRUE(std::is_sorted(sigma.rbegin(), sigma.rend()));
    expect_orthonormal_columns(left, m);
    expect_orthonormal_columns(right, n);
    for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t i = 0; i < m; ++i) {
            double sum = 0;
            for (std::size_t l = 0; l < n; ++l) sum += left[l * m + i] * sigma[l] * right[j * n + l];
            EXPECT_NEAR(sum, a[j * m + i], tolerance);
        }
    }
}

/// Q of a QR decomposition by either interface spans A: A = Q(QᵀA) with QᵀA upper triangular.
void expect_qr(const Matrix& a, const Matrix& q, std::size_t m) {
    const std::size_t n = a.size() / m;
    expect_orthonormal_columns(q, m);
    const Matrix r = transposed_product(q, a, m);
    for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t i = j + 1; i < n; ++i) EXPECT_NEAR(r[j * n + i], 0, tolerance);
        for (std::size_t i = 0; i < m; ++i) {
            double sum = 0;
            for (std::size_t l = 0; l <= j; ++l) sum += q[l * m + i] * r[j * n + l];
            EXPECT_NEAR(sum, a[j * m + i], tolerance);
        }
    }
}

TEST_F(Solver, QrByBothInterfaces) {
    constexpr int m = 8, n = 3;
    const Matrix a = normal_values<double>(m * n, 3);
    for (const bool generic : {false, true}) {
        const DeviceArray<double> matrix(a), tau(n);
        int factor_count = 0, form_count = 0;
        ASSERT_EQ(cusolverDnDgeqrf_bufferSize(handle, m, n, matrix.data(), m, &factor_count),
                  CUSOLVER_STATUS_SUCCESS);
        ASSERT_EQ(cusolverDnDorgqr_bufferSize(handle, m, n, n, matrix.data(), m, tau.data(), &form_count),
                  CUSOLVER_STATUS_SUCCESS);
        ASSERT_EQ(cusolverDnXgeqrf_bufferSize(handle, parameters, m, n, CUDA_R_64F, matrix.data(), m,
                                              CUDA_R_64F, tau.data(), CUDA_R_64F, &device_bytes, &host_bytes),
                  CUSOLVER_STATUS_SUCCESS);
        const int count =
            std::max({factor_count, form_count, static_cast<int>(device_bytes / sizeof(double))});
        const DeviceArray<double> workspace(static_cast<std::size_t>(count));
        std::vector<char> host_workspace(host_bytes);
        if (generic) {
            ASSERT_EQ(cusolverDnXgeqrf(handle, parameters, m, n, CUDA_R_64F, matrix.data(), m, CUDA_R_64F,
                                       tau.data(), CUDA_R_64F, workspace.data(), device_bytes,
                                       host_workspace.data(), host_bytes, info.data()),
                      CUSOLVER_STATUS_SUCCESS);
        } else {
            EXPECT_EQ(cusolverDnDgeqrf(handle, m, n, matrix.data(), m, tau.data(), workspace.data(),
                                       factor_count - 1, info.data()),
                      CUSOLVER_STATUS_INVALID_VALUE);
            ASSERT_EQ(cusolverDnDgeqrf(handle, m, n, matrix.data(), m, tau.data(), workspace.data(),
                                       factor_count, info.data()),
                      CUSOLVER_STATUS_SUCCESS);
        }
        EXPECT_EQ(info.values()[0], 0);
        ASSERT_EQ(cusolverDnDorgqr(handle, m, n, n, matrix.data(), m, tau.data(), workspace.data(),
                                   form_count, info.data()),
                  CUSOLVER_STATUS_SUCCESS);
        EXPECT_EQ(info.values()[0], 0);
        expect_qr(a, matrix.values(), m);
    }
}

TEST_F(Solver, CholeskyTellsWhereItFails) {
    const Matrix good{4, 2, 2, 5}, bad{4, 2, 2, 0};  // the second is indefinite from its second row on
    int count = 0;
    const DeviceArray<double> matrix(good), indefinite(bad);
    ASSERT_EQ(cusolverDnDpotrf_bufferSize(handle, CUBLAS_FILL_MODE_LOWER, 2, matrix.data(), 2, &count),
              CUSOLVER_STATUS_SUCCESS);
    const DeviceArray<double> workspace(static_cast<std::size_t>(count));
    ASSERT_EQ(cusolverDnDpotrf(handle, CUBLAS_FILL_MODE_LOWER, 2, matrix.data(), 2, workspace.data(), count,
                               info.data()),
              CUSOLVER_STATUS_SUCCESS);
    EXPECT_EQ(info.values()[0], 0);
    EXPECT_EQ(matrix.values(), (Matrix{2, 1, 2, 2}));  // the upper triangle is left alone
    ASSERT_EQ(cusolverDnDpotrf(handle, CUBLAS_FILL_MODE_LOWER, 2, indefinite.data(), 2, workspace.data(),
                               count, info.data()),
              CUSOLVER_STATUS_SUCCESS);
    EXPECT_EQ(info.values()[0], 2);
}

}  // namespace
