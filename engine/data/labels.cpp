#include "engine/data/labels.hpp"

#include <cmath>
#include <string>

#include "kernels/base/status.hpp"

namespace ntpgeo {

void fold_label_mass(const std::vector<std::int64_t>& indptr, std::vector<double>& probs,
                     std::vector<double>& context_probs) {
    for (std::size_t j = 0; j < context_probs.size(); ++j) {
        double mass = 0;
        for (std::int64_t i = indptr[j]; i < indptr[j + 1]; ++i) mass += probs[i];
        if (!(mass > 0 && mass <= most_label_mass))
            throw InputError("label mass of context " + std::to_string(j) + " is " + std::to_string(mass) +
                             "; it must lie in (0, 1]");
        for (std::int64_t i = indptr[j]; i < indptr[j + 1]; ++i) probs[i] /= mass;
        context_probs[j] *= mass;
    }
}

std::int64_t labels_bytes(const Dataset& dataset) {
    const std::int64_t per_context = 8 + 8;            // indptr, π
    const std::int64_t per_entry = 4 + 8 + 8 + 8 + 8;  // word, p, log p; context and position by word
    return (dataset.contexts() + 1) * per_context - 8 + dataset.nnz() * per_entry +
           (dataset.vocab_size + 1) * 8;
}

LabelsView labels_in_place(const Dataset& dataset) {
    LabelsView view;
    view.vocab_size = dataset.vocab_size;
    view.contexts = dataset.contexts();
    view.nnz = dataset.nnz();
    view.indptr = dataset.indptr.data();
    view.indices = dataset.indices.data();
    view.probs = dataset.probs.data();
    view.context_probs = dataset.context_probs.data();
    return view;
}

Labels::Labels(Backend& backend, const Dataset& dataset) {
    const std::int64_t vocab = dataset.vocab_size, contexts = dataset.contexts(), nnz = dataset.nnz();
    std::vector<double> log_probs(dataset.probs.size());
    for (std::size_t i = 0; i < log_probs.size(); ++i) log_probs[i] = std::log(dataset.probs[i]);

    indptr_ = upload_array(backend, dataset.indptr);
    indices_ = upload_array(backend, dataset.indices);
    probs_ = upload_array(backend, dataset.probs);
    log_probs_ = upload_array(backend, log_probs);
    context_probs_ = upload_array(backend, dataset.context_probs);
    word_indptr_ = Array(backend, (vocab + 1) * static_cast<std::int64_t>(sizeof(std::int64_t)));
    word_contexts_ = Array(backend, nnz * static_cast<std::int64_t>(sizeof(std::int64_t)));
    word_positions_ = Array(backend, nnz * static_cast<std::int64_t>(sizeof(std::int64_t)));
    const WordIndex index{word_indptr_.as<std::int64_t>(), word_contexts_.as<std::int64_t>(),
                          word_positions_.as<std::int64_t>()};
    view_ = {vocab,
             contexts,
             nnz,
             indptr_.as<std::int64_t>(),
             indices_.as<std::int32_t>(),
             probs_.as<double>(),
             log_probs_.as<double>(),
             context_probs_.as<double>(),
             index.indptr,
             index.contexts,
             index.positions};
    backend.index_by_word(view_, index);
}

}  // namespace ntpgeo
