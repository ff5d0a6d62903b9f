// Dense spectra on the shorter side, for the exact solvers: singular value thresholding and certified norms
// (design 4.2).
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/backend.hpp"

namespace ntpgeo {

/// What is known of a matrix's singular values.
struct NuclearNorm {
    double bound = 0;  ///< ‖Z‖_* is no larger
    /// How many exceed 1e-6 of the largest; in a basis that is not Z's own, how many of its vectors' images
    /// do.
    std::int64_t rank = 0;
};

/// Factors L = contexts·wordsᵀ of a matrix stored with one row a context: words UΣ^{1/2} [V, r], contexts
/// VΣ^{1/2} [n, r], host memory, row-major.
struct SingularFactors {
    std::vector<double> words, contexts, sigma;
    NuclearNorm norm;  ///< certified
    [[nodiscard]] std::int64_t rank() const { return static_cast<std::int64_t>(sigma.size()); }
};

/// An upper bound on ‖M‖₂, true in floating-point arithmetic, from the largest eigenvalue of an n×n Gram
/// matrix of M that sums `summed` products an entry: σ̂² = λmax(1 + 8nu) + γ‖M‖_F² (design (4.2-5)). `square`
/// is ‖M‖_F².
double gram_norm_bound(double largest_eigenvalue, std::int64_t n, std::int64_t summed, double square);

/// What is known of ‖M‖₂.
struct SpectralNorm {
    double bound = 0;     ///< it is no larger, in floating-point arithmetic
    double rounding = 0;  ///< what of `bound` is there for rounding alone
};

/// Spectral operations on [rows, vocab] matrices through the Gram matrix of the shorter side and a symmetric
/// eigensolver, which knows a singular value to about 2^-53 (σ₁/σ)² relatively.
class DenseSpectrum {
  public:
    DenseSpectrum(Backend& backend, std::int64_t rows, std::int64_t vocab);

    /// X = SVT(A, τ): every singular value σ of A becomes max(σ − τ, 0) (the prox of τ‖·‖_*). Remembers A's
    /// singular values and vectors for what follows. `x` must not be `a`.
    void threshold(Matrix a, double tau, Matrix x);
    /// The same in fp32, at half the time on a CPU and right to about 2^-24 (σ₁/τ)². Overwrites
    /// `a`, and remembers X's singular values alone.
    void threshold_in_fp32(Matrix a, double tau, Matrix x);

    /// A's squared singular values, descending, and vectors on the shorter side; what follows remembers them
    /// as those of the last thresholded matrix.
    const SymmetricEigen& remember(Matrix a) { return last_ = eigen(a); }
    /// out = A·U diag(factor) Uᵀ on the words' side, U diag(factor) Uᵀ·A on the contexts', U the remembered
    /// vectors; factor [min(rows, vocab)] ≥ 0.
    void filter(const std::vector<double>& factor, Matrix a, Matrix out) { filter(last_, factor, a, out); }
    /// Whether the shorter side, whose vectors these are, is the words'.
    [[nodiscard]] bool by_words() const { return by_words_; }

    /// Singular values of the last thresholded X, descending, those that are not 0.
    [[nodiscard]] const std::vector<double>& values() const { return values_; }
    [[nodiscard]] double nuclear_norm() const;
    /// Bounds the error of nuclear_norm() to first order: the Gram matrix knows σ² to 8n·2^-53·σ₁² by its
    /// eigensolver, and to as many roundings of ‖A‖_F² as it sums.
    [[nodiscard]] double nuclear_norm_rounding() const;
    /// How many of them exceed 1e-6 of the largest.
    [[nodiscard]] std::int64_t rank() const;
    /// An upper bound on ‖M‖₂, true in floating-point arithmetic: σ̂² = λmax(Gram)(1 + 8nu) + γ‖M‖_F²
    /// (design (4.2-5)).
    [[nodiscard]] double norm_bound(Matrix m) { return spectral_norm(m).bound; }
    [[nodiscard]] SpectralNorm spectral_norm(Matrix m) { return spectral_norm(eigen(m), m); }
    /// The same, M's own singular values and vectors being known.
    [[nodiscard]] SpectralNorm spectral_norm(const SymmetricEigen& own, Matrix m);
    /// `clipped` = M with its singular values above 1 lowered to 1. `clipped` must not be `m`.
    void clip(const SymmetricEigen& own, Matrix m, Matrix clipped);

    enum class Basis {
        own,              ///< the eigenvectors of Z's Gram matrix
        last_thresholded  ///< those of the last matrix thresholded, in fp64
    };
    /// An upper bound on ‖Z‖_* and Z's rank. Σ_k ‖Z v_k‖ over an orthonormal basis v is ‖Z‖_* where v are
    /// Z's singular vectors, and never less but for rounding, which is added. Near a fixed point the last
    /// thresholded matrix's are nearly Z's, cost nothing more, and know the smallest directions better than
    /// Z's Gram matrix does. `work` [rows, vocab] is overwritten.
    [[nodiscard]] NuclearNorm nuclear_norm_bound(Matrix z, Basis basis, Matrix work);

    /// Z's singular factors, descending, by a QR decomposition on top of the Gram matrix's vectors: right to
    /// about 2^-53 σ₁ and orthonormal to rounding. σ ≤ 1e-12 σ₁ are left out. `work` [rows, vocab] is
    /// overwritten.
    [[nodiscard]] SingularFactors decompose(Matrix z, Matrix work);

    /// N = UVᵀ over the singular values above 1e-12 σ₁; also gives Σσ. `n` and `work` must not be `a`.
    double polar(Matrix a, Matrix n, Matrix work);

    /// Bytes of the backend's memory that the operations take beside their arguments.
    static std::int64_t bytes(std::int64_t rows, std::int64_t vocab);

    /// A's squared singular values, descending, and vectors on the shorter side, from its Gram matrix.
    SymmetricEigen eigen(Matrix a);

  private:
    /// out = A·V diag(factor) Vᵀ on the words' side, V diag(factor) Vᵀ·A on the contexts', in the precision
    /// of A; vectors beyond those of `factor` get 0.
    void filter(const SymmetricEigen& basis, const std::vector<double>& factor, Matrix a, Matrix out);
    /// The first `count` vectors, each times its factor: [shorter, count] on the backend.
    [[nodiscard]] Array scaled_vectors(const SymmetricEigen& basis, const std::vector<double>& factor,
                                       std::int64_t count, Real real = Real::fp64);
    /// ‖A v_k‖ (or ‖Aᵀ v_k‖) for every vector of the basis. `products` [longer, shorter] is overwritten.
    std::vector<double> lengths(const SymmetricEigen& basis, Matrix a, Matrix products);
    /// A V (or Aᵀ V) into `out` [longer, columns of V].
    void times(Matrix a, Matrix vectors, Matrix out);
    /// The two over the lengths of Z's products with a basis.
    NuclearNorm norm_from(const std::vector<double>& lengths, Matrix z) const;
    SingularFactors decompose_from(const SymmetricEigen& basis, const std::vector<double>& sizes, Matrix z,
                                   Matrix work);

    Backend& backend_;
    std::int64_t shorter_, longer_;
    bool by_words_;  // whether the shorter side is the words'
    Array gram_;
    SymmetricEigen last_;         // of the last A thresholded in fp64: σ² and vectors
    std::vector<double> values_;  // σ − τ of the last thresholded A
};

}  // namespace ntpgeo
