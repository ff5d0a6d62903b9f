#include "engine/geometry/figures.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/geometry/figure_operations.hpp"
#include "engine/geometry/implicit_matrix.hpp"
#include "engine/geometry/rounding.hpp"
#include "engine/geometry/spectrum.hpp"
#include "kernels/memory/arena.hpp"

namespace ntpgeo {
namespace {

std::optional<double> existing(double value) {
    return std::isnan(value) ? std::nullopt : std::optional<double>(value);
}

/// Bytes of what a record of width `dim` takes on its way: the largest of what its parts do, each of them in
/// some arrays that an arena rounds up.
std::int64_t memory_on_the_way(const LabelsView& labels, std::int64_t dim, std::int64_t directions,
                               std::int64_t vectors, std::int64_t limit_rank) {
    const std::int64_t vocab = labels.vocab_size, contexts = labels.contexts;
    const std::int64_t shorter = std::min(vocab, contexts);
    const std::int64_t cosine = 8 * ((3 * shorter + vectors) * dim + vocab * dim + dim * dim);
    const std::int64_t collapse = 8 * (contexts * dim + 2 * dim * dim);
    const std::int64_t rank = 8 * std::min(vocab, dim) * (std::min(vocab, dim) + 1);
    const std::int64_t spectrum = leading_spectrum_bytes(vocab, contexts, wanted_singular_values) +
                                  8 * dim * std::max(shorter, 2 * wanted_singular_values);
    const std::int64_t along = direction_memory(labels, vectors, directions, dim).measuring;
    const std::int64_t limit = LimitGeometry::memory(vocab, contexts, limit_rank, dim).measuring;
    constexpr std::int64_t arrays = 64;
    return std::max({cosine, collapse, rank, spectrum, along, limit}) + arrays * Arena::rounded(1);
}

}  // namespace

// Memory for one width d, kept from record to record.
struct FigureMeter::Workspace {
    /// Sums that come to the host together: those of the loss, and those of W̄ and H.
    enum Sum : std::int64_t {
        gradient_square,
        words_gradient_square,
        contexts_gradient_square,
        words_square,
        contexts_square,
        loss_sums,
        centred_square = 0,
        within,
        words_proxy,
        contexts_proxy = words_proxy + SupportProxy::sums,
        without_limit = contexts_proxy + SupportProxy::sums,
        of_limit = without_limit,  // where there is one
        shape_sums = of_limit + LimitGeometry::sums
    };

    std::int64_t dim;
    Arena arena;            // for what is only needed on the way
    Array words, contexts;  // fp64 [V,d], [m,d]
    DetailArrays detail;
    Array sparse_part;
    Array low_rank_energy;  // [m] ‖P_⊥ ℓ̄_j‖²
    Array sums;             // [shape_sums]
    // From the first pass on that is made here.
    std::unique_ptr<LossStep> step;
    Array gradient;  // fp64 [(V+m)·d]
    Precision precision;

    Workspace(Backend& backend, const LabelsView& labels, std::int64_t width, Precision products,
              std::int64_t on_the_way)
        : dim(width),
          arena(backend, on_the_way),
          words(backend, labels.vocab_size * width * 8),
          contexts(backend, labels.contexts * width * 8),
          detail(backend, labels),
          sparse_part(backend, labels.nnz * 8),
          low_rank_energy(backend, labels.contexts * 8),
          sums(backend, shape_sums * 8),
          precision(products) {}

    [[nodiscard]] double* sum(Sum which) const { return sums.as<double>() + which; }
    [[nodiscard]] std::vector<double> fetch(Backend& backend, Sum count) const {
        return download_array<double>(backend, sums.data(), count);
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
    std::vector<std::int64_t> indptr(1, 0), members(classes_.class_of.size());
    for (const std::int64_t size : classes_.size) indptr.push_back(indptr.back() + size);
    class_indptr_ = upload_array(backend, indptr);
    for (std::size_t j = 0; j < members.size(); ++j)
        members[indptr[classes_.class_of[j]]++] = static_cast<std::int64_t>(j);
    class_members_ = upload_array(backend, members);
}

FigureMeter::~FigureMeter() = default;

Figures FigureMeter::measure(Matrix words, Matrix contexts, double ridge, Precision precision,
                             std::uint64_t seed, std::int64_t step, const LossPass* pass) {
    const InRegion region(backend_, Region::record);
    const std::int64_t dim = words.columns;
    if (!work_ || work_->dim != dim || work_->precision != precision)
        work_ =
            std::make_unique<Workspace>(backend_, labels_.view(), dim, precision,
                                        memory_on_the_way(labels_.view(), dim, directions_.count(),
                                                          static_cast<std::int64_t>(proxy_.values().size()),
                                                          limit_ ? limit_->rank() : 0));
    const Place place(backend_, work_->arena);
    const Matrix w = work_->words.matrix(Real::fp64, dataset_.vocab_size, dim);
    const Matrix h = work_->contexts.matrix(Real::fp64, dataset_.contexts(), dim);
    backend_.copy(words.flat(), w.flat());
    backend_.copy(contexts.flat(), h.flat());

    Figures figures;
    pass ? take(figures, *pass) : measure_loss(figures, ridge);
    figures.entropy = entropy_;
    figures.loss = entropy_ + figures.excess_loss;
    if (between_) between_();
    const double up_words = into_range(figures.words_norm), up_contexts = into_range(figures.contexts_norm);
    if (up_words != 1 || up_contexts != 1) {
        backend_.scale(up_words, w.flat());
        backend_.scale(up_contexts, h.flat());
        if (!pass) loss_step().run(w, h, 0, {}, {}, work_->detail.view());
    }
    // From here on W and H are scaled, by powers of 2: what grows with them is scaled back at the end.
    const double size = (figures.words_norm * up_words) * (figures.contexts_norm * up_contexts);
    const double low_rank_rounding = size * logit_rounding(precision, dim);
    measure_supports(figures,
                     {up_words, up_contexts, size * logit_rounding(Precision::fp64, dim), low_rank_rounding});
    const bool has_low_rank = figures.low_rank_norm > low_rank_rounding;
    figures.proxy_kind = proxy_.kind();

    {
        const Array mean(work_->arena, dim * 8);
        backend_.column_means(w, mean.vector(Real::fp64, dim));
        backend_.subtract_row(mean.vector(Real::fp64, dim), w);  // W̄ from here on
    }
    // What centring leaves of equal rows is its rounding.
    const double words_rounding = static_cast<double>(w.rows) * 0x1p-53 * figures.words_norm * up_words;
    using Sum = Workspace::Sum;
    backend_.dot_into(w.flat(), w.flat(), work_->sum(Sum::centred_square));
    proxy_.queue_words_gram(place, w, work_->sum(Sum::words_proxy));
    proxy_.queue_contexts_gram(place, h, work_->sum(Sum::contexts_proxy));
    if (limit_) limit_->queue(place, w, h, work_->sum(Sum::of_limit));
    figures.words_rank = effective_rank(place, w, words_rounding);
    if (between_) between_();
    const ClassSums classes = scatter_classes(place);
    const std::vector<double> sums = work_->fetch(backend_, limit_ ? Sum::shape_sums : Sum::without_limit);
    const bool has_words = norm(backend_, sums[Sum::centred_square], w.flat()) > words_rounding;
    if (has_words) figures.words_gram_proxy = existing(proxy_.cosine(&sums[Sum::words_proxy]));
    figures.contexts_gram_proxy = existing(proxy_.cosine(&sums[Sum::contexts_proxy]));
    figures.collapse = ratio(std::max(0.0, sums[Sum::within] - classes.sparse_within), classes.energy,
                             low_rank_rounding * low_rank_rounding);
    figures.class_cosine = ratio(classes.cosines, classes.with_cosine);
    if (limit_) {
        const auto cosines = limit_->cosines(&sums[Sum::of_limit], figures.low_rank_norm);
        if (has_low_rank) figures.alignment_limit = cosines.alignment;
        if (has_words) figures.words_gram_limit = cosines.words_gram;
        figures.contexts_gram_limit = cosines.contexts_gram;
    }

    const LowRankPart low_rank_part(place, labels_.view(), w, h, work_->sparse_part.as<double>());
    const WatchedMatrix low_rank(low_rank_part, between_);
    figures.direction_strengths = direction_strengths(place, low_rank, directions_);
    const LeadingSpectrum spectrum = leading_spectrum(
        place, low_rank, wanted_singular_values, seed, static_cast<std::uint64_t>(step) + 2,
        {most_spectrum_operations({dataset_.vocab_size, dataset_.contexts(), dataset_.nnz(), dim})});
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

LossStep& FigureMeter::loss_step() {
    if (!work_->step) {
        work_->gradient = Array(backend_, (dataset_.vocab_size + dataset_.contexts()) * work_->dim * 8);
        work_->step =
            backend_.make_loss_step(labels_.view(), {work_->dim, Real::fp64, work_->precision, 0, 0});
    }
    return *work_->step;
}

void FigureMeter::take(Figures& figures, const LossPass& pass) {
    figures.excess_loss = pass.excess_loss;
    figures.off_support_mass = pass.off_support_mass;
    figures.words_norm = pass.words_norm;
    figures.contexts_norm = pass.contexts_norm;
    figures.grad_norm = pass.grad_norm;
    figures.words_grad_norm = pass.words_grad_norm;
    figures.contexts_grad_norm = pass.contexts_grad_norm;
    const DetailArrays& detail = work_->detail;
    for (const auto& [values, array] : {std::pair(&pass.support_logits, &detail.support_logits),
                                        std::pair(&pass.mean_logits, &detail.mean_logits),
                                        std::pair(&pass.off_support_max, &detail.off_support_max),
                                        std::pair(&pass.off_support_square, &detail.off_support_square)})
        backend_.upload(values->data(), array->data(), array->bytes());
}

void FigureMeter::measure_loss(Figures& figures, double ridge) {
    const std::int64_t words_size = dataset_.vocab_size * work_->dim,
                       contexts_size = dataset_.contexts() * work_->dim;
    const Matrix w = work_->words.matrix(Real::fp64, dataset_.vocab_size, work_->dim);
    const Matrix h = work_->contexts.matrix(Real::fp64, dataset_.contexts(), work_->dim);
    LossStep& step = loss_step();
    const LossSums sums =
        step.run(w, h, ridge, work_->gradient.matrix(Real::fp64, w.rows, w.columns),
                 work_->gradient.matrix(Real::fp64, h.rows, h.columns, words_size), work_->detail.view());
    const Vector gradient = work_->gradient.vector(Real::fp64, words_size + contexts_size);
    figures.excess_loss = sums.excess_loss;
    figures.off_support_mass = sums.off_support_mass;
    using Sum = Workspace::Sum;
    const Vector of_words = work_->gradient.vector(Real::fp64, words_size),
                 of_contexts = work_->gradient.vector(Real::fp64, contexts_size, words_size);
    const std::pair<Sum, Vector> vectors[] = {{Sum::gradient_square, gradient},
                                              {Sum::words_gradient_square, of_words},
                                              {Sum::contexts_gradient_square, of_contexts},
                                              {Sum::words_square, w.flat()},
                                              {Sum::contexts_square, h.flat()}};
    for (const auto& [sum, vector] : vectors) backend_.dot_into(vector, vector, work_->sum(sum));
    const std::vector<double> squares = work_->fetch(backend_, Sum::loss_sums);
    const auto norm_of = [&](Sum sum) { return norm(backend_, squares[sum], vectors[sum].second); };
    figures.grad_norm = norm_of(Sum::gradient_square);
    figures.words_grad_norm = norm_of(Sum::words_gradient_square);
    figures.contexts_grad_norm = norm_of(Sum::contexts_gradient_square);
    figures.words_norm = norm_of(Sum::words_square);
    figures.contexts_norm = norm_of(Sum::contexts_square);
}

// Everything that the support logits and the streaming pass already know.
void FigureMeter::measure_supports(Figures& figures, const Scale& scale) {
    const LossDetail detail = work_->detail.view();
    const SupportSums sums = backend_.split_logits(
        labels_.view(),
        {detail.support_logits, detail.mean_logits, detail.off_support_max, detail.off_support_square},
        scale.up_words, scale.up_contexts, work_->sparse_part.as<double>(),
        work_->low_rank_energy.as<double>());
    figures.sparse_norm = std::sqrt(sums.sparse);
    figures.low_rank_norm = std::sqrt(sums.low_rank);
    figures.dominance = ratio(figures.low_rank_norm, figures.sparse_norm, scale.sparse_rounding);
    // Equal labels of a support, whose limit is 0, have logarithms that differ from their mean by its
    // rounding.
    figures.in_support_error =
        ratio(std::sqrt(sums.error), std::sqrt(sums.limit), 16 * 0x1p-53 * std::sqrt(sums.log_mean));
    if (figures.low_rank_norm > scale.low_rank_rounding)
        figures.alignment_proxy = ratio(sums.with_support, figures.low_rank_norm * proxy_.norm());
    if (std::isfinite(sums.least_lead)) figures.min_margin = sums.least_lead;
}

// Within a class the supports agree, so P_⊥ of a difference from the class mean g = h − h̄ has the energy
// ‖W̄g‖² − ‖P_F(W̄g)‖²: the first, tr(W̄ᵀW̄ · Σ g gᵀ) of d×d Grams, is queued into the sum `within`, the second
// is that of the sparse parts' differences.
ClassSums FigureMeter::scatter_classes(const Place& place) {
    const std::int64_t m = dataset_.contexts(), dim = work_->dim;
    const Matrix w = work_->words.matrix(Real::fp64, dataset_.vocab_size, dim);
    const Array scatter(place.memory, m * dim * 8), grams(place.memory, 2 * dim * dim * 8);
    const Matrix g = scatter.matrix(Real::fp64, m, dim);
    const ClassSums sums = backend_.scatter_classes(
        labels_.view(),
        {classes_.count(), class_indptr_.as<std::int64_t>(), class_members_.as<std::int64_t>()},
        work_->contexts.matrix(Real::fp64, m, dim), work_->sparse_part.as<double>(),
        work_->low_rank_energy.as<double>(), g);
    backend_.multiply(a_transposed, 1, g, g, 0, grams.matrix(Real::fp64, dim, dim));
    backend_.multiply(a_transposed, 1, w, w, 0, grams.matrix(Real::fp64, dim, dim, dim * dim));
    backend_.dot_into(grams.vector(Real::fp64, dim * dim), grams.vector(Real::fp64, dim * dim, dim * dim),
                      work_->sum(Workspace::within));
    return sums;
}

FigureMemory figure_memory(Backend& backend, const LabelsView& labels, std::int64_t dim, Precision precision,
                           std::int64_t limit_rank) {
    const std::int64_t vocab = labels.vocab_size, contexts = labels.contexts;
    const std::int64_t shorter = std::min(vocab, contexts);
    const SupportProxy::Memory proxy = SupportProxy::memory(labels);
    const DirectionMemory directions =
        direction_memory(labels, proxy.vectors, std::min(wanted_directions, shorter), dim);
    const LimitGeometry::Memory limit = LimitGeometry::memory(vocab, contexts, limit_rank, dim);
    const std::int64_t classes = 8 * (2 * contexts + 1);
    const std::int64_t workspace = classes +
                                   8 * (2 * (vocab + contexts) * dim + 2 * labels.nnz + 4 * contexts + 64) +
                                   backend.loss_step_size(labels, {dim, Real::fp64, precision, 0, 0}).bytes;
    const std::int64_t on_the_way =
        memory_on_the_way(labels, dim, std::min(wanted_directions, shorter), proxy.vectors, limit_rank);
    const std::int64_t making = std::max(
        {proxy.making, directions.kept + directions.making, directions.kept + limit.kept + limit.making});
    const std::int64_t measuring = directions.kept + limit.kept + workspace + on_the_way;
    return {proxy.kept + std::max(making, measuring), std::max({proxy.host, 16 * contexts, limit.kept})};
}

}  // namespace ntpgeo
