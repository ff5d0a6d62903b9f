#include <algorithm>
#include <vector>

#include "kernels/labels/labels.hpp"

namespace ntpgeo {

void CpuLabelOperations::index_by_word(const LabelsView& labels, const WordIndex& index) {
    std::fill_n(index.indptr, labels.vocab_size + 1, 0);
    for (std::int64_t i = 0; i < labels.nnz; ++i) ++index.indptr[labels.indices[i] + 1];
    for (std::int64_t word = 0; word < labels.vocab_size; ++word)
        index.indptr[word + 1] += index.indptr[word];
    std::vector<std::int64_t> next(index.indptr, index.indptr + labels.vocab_size);
    for (std::int64_t j = 0; j < labels.contexts; ++j)
        for (std::int64_t i = labels.indptr[j]; i < labels.indptr[j + 1]; ++i) {
            const std::int64_t place = next[static_cast<std::size_t>(labels.indices[i])]++;
            index.contexts[place] = j;
            index.positions[place] = i;
        }
}

}  // namespace ntpgeo
