// Dense spectra on the shorter side, for the exact solvers: singular value thresholding and certified norms
// (design 4.2).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/exact/product_threshold.hpp"
#include "engine/exact/solver_rows.hpp"
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

/// How singular values are thresholded where nothing but X is wanted.
enum class ThresholdBy {
    prediction,     ///< by products where the backend predicts that they are faster
    decomposition,  ///< of the Gram matrix
    products        ///< wherever they can be planned (ProductThreshold::plan)
};
/// Whether a threshold has to remember A's singular values and vectors.
enum class Remember { no, yes };

/// Spectral operations on [rows, vocab] matrices through the Gram matrix of the shorter side and a symmetric
/// eigensolver, which knows a singular value to about 2^-53 (σ₁/σ)² relatively. Gram matrices, vectors and
/// what is made of them stay on the backend, in memory that is taken once; eigenvalues come to the host.
/// Where ranks share the rows, matrices are own rows, and what is found is the same on every rank: Gram
/// matrices are decomposed by all, and the first one's decomposition counts.
class DenseSpectrum {
  public:
    /// Of matrices whose rows are all here.
    DenseSpectrum(Backend& backend, std::int64_t rows, std::int64_t vocab,
                  ThresholdBy by = ThresholdBy::prediction);
    /// `rows` must outlive it.
    explicit DenseSpectrum(const SolverRows& rows, ThresholdBy by = ThresholdBy::prediction);

    /// X = SVT(A, τ): every singular value σ of A becomes max(σ − τ, 0) (the prox of τ‖·‖_*). Remembers A's
    /// singular values and vectors for what follows, unless they are not wanted and products make X: then
    /// those of before stay. `x` must not be `a`.
    void threshold(Matrix a, double tau, Matrix x, Remember remember = Remember::yes);
    /// The same in fp32, at half the time on a CPU and right to about 2^-24 (σ₁/τ)². Overwrites
    /// `a`, and remembers X's singular values alone, or nothing where products make X.
    void threshold_in_fp32(Matrix a, double tau, Matrix x);
    /// How many thresholds products have made.
    [[nodiscard]] std::int64_t made_by_products() const { return made_by_products_; }

    /// Remembers A's singular values and vectors on the shorter side as those of the last thresholded matrix,
    /// and makes out = A·U diag(f) Uᵀ on the words' side, U diag(f) Uᵀ·A on the contexts', U these vectors
    /// and f the map of each one's singular value.
    void remember_and_filter(const SpectralMap& map, Matrix a, Matrix out);
    /// The remembered vectors, one a column, descending: [shorter, shorter], fp64 or fp32.
    void vectors(Matrix out) { backend_.take_eigenvectors(rows_of(last_), values_of(last_), {}, out); }
    /// Of the remembered singular values, as EigenOperations::spectral_slopes.
    void slopes(const SpectralMap& map, Vector factors, Matrix out) {
        backend_.spectral_slopes(values_of(last_), map, factors, out);
    }
    /// Whether the shorter side, whose vectors these are, is the words'.
    [[nodiscard]] bool by_words() const { return by_words_; }

    /// Singular values of the last thresholded X that were remembered, descending, those that are not 0.
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
    [[nodiscard]] SpectralNorm spectral_norm(Matrix m) {
        return spectral_norm(m, rows_.dot(m.flat(), m.flat()));
    }
    /// Where ‖M‖_F², `square`, is known.
    [[nodiscard]] SpectralNorm spectral_norm(Matrix m, double square);
    /// `clipped` = M with its singular values above 1 lowered to 1, M being the matrix whose spectral norm
    /// was asked for last. `clipped` must not be `m`.
    void clip(Matrix m, Matrix clipped);

    enum class Basis {
        own,              ///< the eigenvectors of Z's Gram matrix
        last_thresholded  ///< those of the last matrix remembered, in fp64; Z's own where there was none
    };
    /// An upper bound on ‖Z‖_* and Z's rank. Σ_k ‖Z v_k‖ over an orthonormal basis v is ‖Z‖_* where v are
    /// Z's singular vectors, and never less but for rounding, which is added. Near a fixed point the last
    /// thresholded matrix's are nearly Z's, cost nothing more, and know the smallest directions better than
    /// Z's Gram matrix does. `work` [rows, vocab] is overwritten.
    [[nodiscard]] NuclearNorm nuclear_norm_bound(Matrix z, Basis basis, Matrix work) {
        queue_norm(z, basis, work);
        return queued_norm().norm;
    }
    /// The same in two parts: all is queued (but for a basis of Z's own, which waits for its decomposition,
    /// and where rows have shards), and comes to the host later, with dot products that have been queued
    /// beside it meanwhile.
    void queue_norm(Matrix z, Basis basis, Matrix work);
    /// ⟨x, y⟩ as number `k` of the two, until the next norm is queued.
    void queue_beside(int k, Vector x, Vector y);
    struct QueuedNorm {
        NuclearNorm norm;
        double square = 0;           ///< ‖Z‖_F²
        std::vector<double> beside;  ///< as many as were asked for
    };
    /// Waits once.
    [[nodiscard]] QueuedNorm queued_norm(std::int64_t beside = 0) const;

    /// Z's singular factors, descending, by a QR decomposition on top of the Gram matrix's vectors: right to
    /// about 2^-53 σ₁ and orthonormal to rounding. σ ≤ 1e-12 σ₁ are left out. `work` [rows, vocab] is
    /// overwritten. Of many ranks the first one does it, with all rows in its memory, and has the factors;
    /// the others know their norm alone.
    [[nodiscard]] SingularFactors decompose(Matrix z, Matrix work);

    /// N = UVᵀ over the singular values above 1e-12 σ₁; also gives Σσ. `n` and `work` must not be `a`. For
    /// rows that are all here.
    double polar(Matrix a, Matrix n, Matrix work);

    /// Bytes of the backend's memory that the operations take beside their arguments.
    static std::int64_t bytes(std::int64_t rows, std::int64_t vocab);

  private:
    /// A's vectors on the shorter side and its squared singular values, by a decomposition of its Gram
    /// matrix.
    struct Vectors {
        Array rows, values;  // [shorter, shorter], [shorter] as decompose_symmetric leaves them
        Real real = Real::fp64;
        std::vector<double> squares;  // σ², descending
    };
    void decompose_gram(const SharedMatrix& a, Vectors& to);
    void decompose_to_threshold(const SharedMatrix& a, double tau, Vectors& to);
    /// Whether products have made X.
    bool threshold_by_products(const SharedMatrix& a, double tau, Matrix x);
    [[nodiscard]] SharedMatrix collect(Matrix a) { return rows_.collect(a, all_); }
    [[nodiscard]] Matrix rows_of(const Vectors& basis) const {
        return basis.rows.matrix(basis.real, shorter_, shorter_);
    }
    [[nodiscard]] Vector values_of(const Vectors& basis) const {
        return basis.values.vector(basis.real, shorter_);
    }
    /// Of `array`, whose memory is taken where it has less.
    Matrix room(Array& array, Real real, std::int64_t rows, std::int64_t columns);
    /// out = A·V diag(f) Vᵀ on the words' side, V diag(f) Vᵀ·A on the contexts', in the precision of A, over
    /// the `count` largest singular values.
    void filter(const Vectors& basis, const SpectralMap& map, std::int64_t count, const SharedMatrix& a,
                Matrix out);
    /// The same, with half = V diag(√f) [shorter, count].
    void filter_by(Matrix half, const SharedMatrix& a, Matrix out);
    /// The first `count` vectors, each times √f: [shorter, count], in half_.
    Matrix take(const Vectors& basis, const SpectralMap& map, std::int64_t count, Real real);
    /// ‖A v_k‖² (or ‖Aᵀ v_k‖²) for every vector of the basis, and ‖A‖_F², into figures_, or on the host where
    /// rows have shards. `work` [rows, vocab] is overwritten.
    void queue_lengths(const Vectors& basis, const SharedMatrix& a, Matrix work);
    [[nodiscard]] std::vector<double> shared_lengths(const Vectors& basis, const SharedMatrix& a,
                                                     Matrix work);
    struct Lengths {
        std::vector<double> of_vectors;  // [shorter]
        double square = 0;               // ‖A‖_F²
        std::vector<double> beside;
    };
    [[nodiscard]] Lengths queued_lengths(std::int64_t beside = 0) const;
    /// A V (or Aᵀ V) into `out` [longer, columns of V].
    void times(Matrix a, Matrix vectors, Matrix out);
    /// The two over the lengths of Z's products with a basis.
    [[nodiscard]] NuclearNorm norm_from(const Lengths& lengths) const;
    SingularFactors decompose_at_first(Matrix z);
    SingularFactors decompose_from(const Vectors& basis, const std::vector<double>& sizes, Matrix z,
                                   Matrix work);

    DenseSpectrum(std::unique_ptr<SolverRows> own, ThresholdBy by);

    std::unique_ptr<SolverRows> own_rows_;  // of matrices whose rows are all here; null where they are given
    const SolverRows& rows_;
    Backend& backend_;
    std::int64_t shorter_, longer_;
    bool by_words_;     // whether the shorter side is the words'
    Array all_;         // [rows, vocab] of all ranks, where products take it
    Array map_, half_;  // [shorter, shorter]: V diag(f) Vᵀ; vectors, one a column, times √f
    Array inner_;       // [longer, less than half of shorter]: A times few vectors
    Array figures_;     // [shorter + 3]: squares of lengths, that of the whole matrix, two that a caller adds
    std::vector<double> shared_figures_;  // the same, where rows have shards
    Array spare_;                         // [shorter, shorter]: products work in this, map_, half_ and own_
    Vectors last_;                        // of the last A thresholded in fp64
    Vectors own_;                         // of what was looked at otherwise
    std::vector<double> values_;          // σ − τ of the last thresholded A
    ThresholdBy by_;
    ProductThreshold products_;
    std::int64_t made_by_products_ = 0;
};

}  // namespace ntpgeo
