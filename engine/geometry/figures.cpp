#include "engine/geometry/figures.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/geometry/implicit_matrix.hpp"
#include "engine/geometry/rounding.hpp"
#include "engine/geometry/spectrum.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t wanted_singular_values = 16;
constexpr std::int64_t wanted_directions = 16;

std::optional<double> existing(double value) {
    return std::isnan(value) ? std::nullopt : std::optional<double>(value);
}

}  // namespace

// Memory for one width d, kept from record to record.
struct FigureMeter::Workspace {
    std::int64_t dim;
    Array words, contexts, gradient;  // fp64 [V,d], [m,d], [(V+m)·d]
    Array support_logits, mean_logits, off_support_max, off_support_square, sparse_part;
    std::unique_ptr<LossStep> step;
    Precision precision;
    std::vector<double> low_rank_energy;   // [m] ‖P_⊥ ℓ̄_j‖²
    std::vector<double> host_sparse_part;  // [nnz]

    Workspace(Backend& backend, const LabelsView& labels, std::int64_t width, Precision products)
        : dim(width),
          words(backend, labels.vocab_size * width * 8),
          contexts(backend, labels.contexts * width * 8),
          gradient(backend, (labels.vocab_size + labels.contexts) * width * 8),
          support_logits(backend, labels.nnz * 8),
          mean_logits(backend, labels.contexts * 8),
          off_support_max(backend, labels.contexts * 8),
          off_support_square(backend, labels.contexts * 8),
          sparse_part(backend, labels.nnz * 8),
          step(backend.make_loss_step(labels, {width, Real::fp64, products, 0, 0})),
          precision(products),
          low_rank_energy(static_cast<std::size_t>(labels.contexts)),
          host_sparse_part(static_cast<std::size_t>(labels.nnz)) {}

    [[nodiscard]] LossDetail detail() const {
        return {support_logits.as<double>(), mean_logits.as<double>(), off_support_max.as<double>(),
                off_support_square.as<double>()};
    }
};

FigureMeter::FigureMeter(Backend& backend, const Dataset& dataset, const LimitFactors* limit)
    : backend_(backend),
      dataset_(dataset),
      labels_(backend, dataset),
      proxy_(backend, dataset, labels_.view()),
      directions_(proxy_.directions(wanted_directions)),
      classes_(support_classes(dataset)),
      entropy_(ntpgeo::entropy(dataset)) {
    if (limit) limit_.emplace(backend, *limit);
}

FigureMeter::~FigureMeter() = default;

Figures FigureMeter::measure(Matrix words, Matrix contexts, double ridge, Precision precision,
                             std::uint64_t seed, std::int64_t step) {
    const InRegion region(backend_, Region::record);
    const std::int64_t dim = words.columns;
    if (!work_ || work_->dim != dim || work_->precision != precision)
        work_ = std::make_unique<Workspace>(backend_, labels_.view(), dim, precision);
    const Matrix w = work_->words.matrix(Real::fp64, dataset_.vocab_size, dim);
    const Matrix h = work_->contexts.matrix(Real::fp64, dataset_.contexts(), dim);
    backend_.copy(words.flat(), w.flat());
    backend_.copy(contexts.flat(), h.flat());

    Figures figures;
    measure_loss(figures, ridge);
    if (between_) between_();
    const double up_words = into_range(figures.words_norm), up_contexts = into_range(figures.contexts_norm);
    if (up_words != 1 || up_contexts != 1) {
        backend_.scale(up_words, w.flat());
        backend_.scale(up_contexts, h.flat());
        work_->step->run(w, h, 0, {}, {}, work_->detail());
    }
    // From here on W and H are scaled, by powers of 2: what grows with them is scaled back at the end.
    const double size = (figures.words_norm * up_words) * (figures.contexts_norm * up_contexts);
    const double low_rank_rounding = size * logit_rounding(precision, dim);
    measure_supports(figures,
                     {up_words, up_contexts, size * logit_rounding(Precision::fp64, dim), low_rank_rounding});
    const bool has_low_rank = figures.low_rank_norm > low_rank_rounding;
    figures.proxy_kind = proxy_.kind();

    const Array mean(backend_, dim * 8);
    backend_.column_means(w, mean.vector(Real::fp64, dim));
    backend_.subtract_row(mean.vector(Real::fp64, dim), w);  // W̄ from here on
    // What centring leaves of equal rows is its rounding.
    const double words_rounding = static_cast<double>(w.rows) * 0x1p-53 * figures.words_norm * up_words;
    const bool has_words = norm(backend_, w.flat()) > words_rounding;
    figures.words_rank = effective_rank(backend_, w, words_rounding);
    if (has_words) figures.words_gram_proxy = existing(proxy_.words_gram_cosine(w));
    figures.contexts_gram_proxy = existing(proxy_.contexts_gram_cosine(h));
    if (limit_) {
        if (has_low_rank) figures.alignment_limit = limit_->alignment(w, h, figures.low_rank_norm);
        if (has_words) figures.words_gram_limit = limit_->words_gram_cosine(w);
        figures.contexts_gram_limit = limit_->contexts_gram_cosine(h);
    }
    if (between_) between_();
    measure_collapse(figures, low_rank_rounding);

    const LowRankPart low_rank_part(backend_, labels_.view(), w, h, work_->sparse_part.as<double>());
    const WatchedMatrix low_rank(low_rank_part, between_);
    figures.direction_strengths = direction_strengths(backend_, low_rank, directions_);
    const LeadingSpectrum spectrum = leading_spectrum(backend_, low_rank, wanted_singular_values, seed,
                                                      static_cast<std::uint64_t>(step) + 2);
    figures.singular_values = spectrum.values;
    figures.spectrum_residual = spectrum.residual;
    if (!has_low_rank) {  // what is left is the rounding of the parts that cancel
        std::fill(figures.singular_values.begin(), figures.singular_values.end(), 0.0);
        std::fill(figures.direction_strengths.begin(), figures.direction_strengths.end(), 0.0);
    } else if (!spectrum.values.empty()) {
        figures.stable_rank =
            ratio(figures.low_rank_norm * figures.low_rank_norm, spectrum.values[0] * spectrum.values[0]);
    }
    const auto scale_back = [&](double& value) { value = value / up_words / up_contexts; };
    scale_back(figures.sparse_norm);
    scale_back(figures.low_rank_norm);
    if (figures.min_margin) scale_back(*figures.min_margin);
    std::for_each(figures.singular_values.begin(), figures.singular_values.end(), scale_back);
    std::for_each(figures.direction_strengths.begin(), figures.direction_strengths.end(), scale_back);
    return figures;
}

void FigureMeter::measure_loss(Figures& figures, double ridge) {
    const std::int64_t words_size = dataset_.vocab_size * work_->dim,
                       contexts_size = dataset_.contexts() * work_->dim;
    const Matrix w = work_->words.matrix(Real::fp64, dataset_.vocab_size, work_->dim);
    const Matrix h = work_->contexts.matrix(Real::fp64, dataset_.contexts(), work_->dim);
    const LossSums sums =
        work_->step->run(w, h, ridge, work_->gradient.matrix(Real::fp64, w.rows, w.columns),
                         work_->gradient.matrix(Real::fp64, h.rows, h.columns, words_size), work_->detail());
    const Vector gradient = work_->gradient.vector(Real::fp64, words_size + contexts_size);
    figures.entropy = entropy_;
    figures.loss = entropy_ + sums.excess_loss;
    figures.excess_loss = sums.excess_loss;
    figures.off_support_mass = sums.off_support_mass;
    figures.grad_norm = norm(backend_, gradient);
    figures.words_grad_norm = norm(backend_, work_->gradient.vector(Real::fp64, words_size));
    figures.contexts_grad_norm =
        norm(backend_, work_->gradient.vector(Real::fp64, contexts_size, words_size));
    figures.words_norm = norm(backend_, w.flat());
    figures.contexts_norm = norm(backend_, h.flat());
}

// Everything that the support logits and the streaming pass already know.
void FigureMeter::measure_supports(Figures& figures, const Scale& scale) {
    const std::int64_t m = dataset_.contexts();
    const auto logits = download_array<double>(backend_, work_->support_logits.data(), dataset_.nnz());
    const auto means = download_array<double>(backend_, work_->mean_logits.data(), m);
    const auto off_max = download_array<double>(backend_, work_->off_support_max.data(), m);
    const auto off_square = download_array<double>(backend_, work_->off_support_square.data(), m);

    double sparse_square = 0, low_rank_square = 0, error_square = 0, limit_square = 0, log_square = 0,
           with_support = 0;
    double margin = std::numeric_limits<double>::infinity();
    for (std::int64_t j = 0; j < m; ++j) {
        const std::int64_t begin = dataset_.indptr[j], end = dataset_.indptr[j + 1];
        const double size = static_cast<double>(end - begin);
        const bool full = end - begin == dataset_.vocab_size;
        double mean = 0, log_mean = 0, minimum = std::numeric_limits<double>::infinity();
        for (std::int64_t i = begin; i < end; ++i) {
            mean += logits[i];
            log_mean += std::log(dataset_.probs[i]);
            minimum = std::min(minimum, logits[i]);
        }
        mean /= size;
        log_mean /= size;
        for (std::int64_t i = begin; i < end; ++i) {
            const double own = end - begin == 1 ? 0 : logits[i] - mean;
            const double limit = end - begin == 1 ? 0 : std::log(dataset_.probs[i]) - log_mean;
            work_->host_sparse_part[i] = own;
            sparse_square += own * own;
            const double error = own / scale.up_words / scale.up_contexts - limit;
            error_square += error * error;
            limit_square += limit * limit;
            log_square += log_mean * log_mean;
        }
        // A full support leaves nothing of the centred logits outside F.
        const double lift = full ? 0 : mean - means[j];
        work_->low_rank_energy[j] = full ? 0 : size * lift * lift + off_square[j];
        low_rank_square += work_->low_rank_energy[j];
        with_support += size * lift;
        if (!full) margin = std::min(margin, minimum - off_max[j]);
    }
    backend_.upload(work_->host_sparse_part.data(), work_->sparse_part.data(), dataset_.nnz() * 8);
    figures.sparse_norm = std::sqrt(sparse_square);
    figures.low_rank_norm = std::sqrt(low_rank_square);
    figures.dominance = ratio(figures.low_rank_norm, figures.sparse_norm, scale.sparse_rounding);
    // Equal labels of a support, whose limit is 0, have logarithms that differ from their mean by its
    // rounding.
    figures.in_support_error =
        ratio(std::sqrt(error_square), std::sqrt(limit_square), 16 * 0x1p-53 * std::sqrt(log_square));
    if (figures.low_rank_norm > scale.low_rank_rounding)
        figures.alignment_proxy = ratio(with_support, figures.low_rank_norm * proxy_.norm());
    if (std::isfinite(margin)) figures.min_margin = margin;
}

// Within a class the supports agree, so P_⊥ of a difference from the class mean g = h − h̄ has the energy
// ‖W̄g‖² − ‖P_F(W̄g)‖², the first from d×d Grams, the second from the sparse parts' differences.
void FigureMeter::measure_collapse(Figures& figures, double rounding) {
    const std::int64_t m = dataset_.contexts(), dim = work_->dim;
    const Matrix w = work_->words.matrix(Real::fp64, dataset_.vocab_size, dim);
    auto h = download_array<double>(backend_, work_->contexts.data(), m * dim);
    const std::int64_t classes = classes_.count();
    std::vector<double> mean(static_cast<std::size_t>(classes * dim), 0.0), direction(mean.size(), 0.0);
    std::vector<double> nonzero(static_cast<std::size_t>(classes), 0.0);
    const auto shared = [&](std::int64_t j) { return classes_.size[classes_.class_of[j]] >= 2; };
    const auto full = [&](std::int64_t j) { return dataset_.support_size(j) == dataset_.vocab_size; };

    double total = 0, sparse_within = 0;
    std::vector<std::vector<double>> sparse_mean(static_cast<std::size_t>(classes));
    for (std::int64_t j = 0; j < m; ++j) {
        if (!shared(j)) continue;
        const std::int64_t c = classes_.class_of[j];
        const double count = static_cast<double>(classes_.size[c]);
        double square = 0;
        for (std::int64_t k = 0; k < dim; ++k) {
            mean[c * dim + k] += h[j * dim + k] / count;
            square += h[j * dim + k] * h[j * dim + k];
        }
        if (square > 0) {
            nonzero[c] += 1;
            for (std::int64_t k = 0; k < dim; ++k)
                direction[c * dim + k] += h[j * dim + k] / std::sqrt(square);
        }
        total += work_->low_rank_energy[j];
        auto& class_mean = sparse_mean[c];
        class_mean.resize(static_cast<std::size_t>(dataset_.support_size(j)), 0.0);
        for (std::int64_t i = 0; i < dataset_.support_size(j); ++i)
            class_mean[i] += work_->host_sparse_part[dataset_.indptr[j] + i] / count;
    }
    for (std::int64_t j = 0; j < m; ++j) {
        const std::int64_t c = classes_.class_of[j];
        const bool counted = shared(j) && !full(j);
        for (std::int64_t k = 0; k < dim; ++k)
            h[j * dim + k] = counted ? h[j * dim + k] - mean[c * dim + k] : 0;
        if (!counted) continue;
        for (std::int64_t i = 0; i < dataset_.support_size(j); ++i) {
            const double difference = work_->host_sparse_part[dataset_.indptr[j] + i] - sparse_mean[c][i];
            sparse_within += difference * difference;
        }
    }
    // tr(W̄ᵀW̄ · Σ g gᵀ)
    const Array scatter(backend_, m * dim * 8), grams(backend_, 2 * dim * dim * 8);
    backend_.upload(h.data(), scatter.data(), m * dim * 8);
    const Matrix g = scatter.matrix(Real::fp64, m, dim);
    backend_.multiply(a_transposed, 1, g, g, 0, grams.matrix(Real::fp64, dim, dim));
    backend_.multiply(a_transposed, 1, w, w, 0, grams.matrix(Real::fp64, dim, dim, dim * dim));
    const double within =
        backend_.dot(grams.vector(Real::fp64, dim * dim), grams.vector(Real::fp64, dim * dim, dim * dim));
    figures.collapse = ratio(std::max(0.0, within - sparse_within), total, rounding * rounding);

    double cosine_sum = 0, cosine_classes = 0;
    for (std::int64_t c = 0; c < classes; ++c) {
        if (nonzero[c] < 2) continue;
        double square = 0;
        for (std::int64_t k = 0; k < dim; ++k) square += direction[c * dim + k] * direction[c * dim + k];
        cosine_sum += (square - nonzero[c]) / (nonzero[c] * (nonzero[c] - 1));
        cosine_classes += 1;
    }
    figures.class_cosine = ratio(cosine_sum, cosine_classes);
}

FigureMemory figure_memory(Backend& backend, const LabelsView& labels, std::int64_t dim, Precision precision,
                           std::int64_t limit_rank) {
    const std::int64_t vocab = labels.vocab_size, contexts = labels.contexts;
    const std::int64_t shorter = std::min(vocab, contexts);
    const SupportProxy::Memory proxy = SupportProxy::memory(labels);
    const DirectionMemory directions =
        direction_memory(labels, proxy.vectors, std::min(wanted_directions, shorter), dim);
    const LimitGeometry::Memory limit = LimitGeometry::memory(vocab, contexts, limit_rank, dim);
    const std::int64_t workspace = 8 * (2 * (vocab + contexts) * dim + 2 * labels.nnz + 3 * contexts) +
                                   backend.loss_step_size(labels, {dim, Real::fp64, precision, 0, 0}).bytes;
    const std::int64_t cosine = 8 * (3 * shorter * dim + dim * dim + labels.nnz);
    const std::int64_t collapse = 8 * (contexts * dim + 2 * dim * dim);
    const std::int64_t rank =
        8 * std::min(vocab, dim) * std::min(vocab, dim);  // a Gram matrix; its vectors on the host
    const std::int64_t spectrum = leading_spectrum_bytes(vocab, contexts, wanted_singular_values);
    const std::int64_t making = std::max(
        {proxy.making, directions.kept + directions.making, directions.kept + limit.kept + limit.making});
    const std::int64_t measuring =
        directions.kept + limit.kept + workspace +
        std::max({cosine, collapse, rank, spectrum, limit.measuring, directions.measuring});
    return {proxy.kept + std::max(making, measuring),
            std::max({proxy.host, 8 * contexts * dim, 2 * rank, limit.kept})};
}

}  // namespace ntpgeo
