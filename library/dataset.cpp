// Data sets: made of a caller's arrays, and looked at.
#include <span>

#include "engine/data/settings.hpp"
#include "engine/data/topk.hpp"
#include "kernels/backend_cpu.hpp"
#include "kernels/base/stored.hpp"
#include "library/handles.hpp"

namespace ntpgeo {
namespace {

/// A caller's array as another type; `to_number` (an index, say) names the entry that does not fit.
template <class To, class From>
std::vector<To> converted(const void* data, std::size_t count, const char* name) {
    const std::span<const From> values(static_cast<const From*>(data), count);
    std::vector<To> result(count);
    for (std::size_t i = 0; i < count; ++i) {
        result[i] = static_cast<To>(values[i]);
        if constexpr (std::is_integral_v<To>)
            if (static_cast<From>(result[i]) != values[i])
                throw InputError(fmt::format("{}[{}] is {}; it must be at most {}", name, i, values[i],
                                             std::numeric_limits<To>::max()));
    }
    return result;
}

[[noreturn]] void refuse_type(int type, const char* name, const char* right) {
    throw InputError(fmt::format("{}: its type is {}; it must be {}", name, type, right));
}

template <class To>
std::vector<To> integers(const void* data, int type, std::int64_t count, const char* name) {
    if (count > 0) require(data, name);
    const auto length = static_cast<std::size_t>(count);
    if (type == NTPGEO_INT32) return converted<To, std::int32_t>(data, length, name);
    if (type == NTPGEO_INT64) return converted<To, std::int64_t>(data, length, name);
    refuse_type(type, name, "NTPGEO_INT32 or NTPGEO_INT64");
}

std::vector<double> numbers(const void* data, int type, std::int64_t count, const char* name) {
    if (count > 0) require(data, name);
    const auto length = static_cast<std::size_t>(count);
    if (type == NTPGEO_FLOAT32) return converted<double, float>(data, length, name);
    if (type == NTPGEO_FLOAT64) return converted<double, double>(data, length, name);
    refuse_type(type, name, "NTPGEO_FLOAT32 or NTPGEO_FLOAT64");
}

template <class T>
std::vector<T> copied(const T* data, std::int64_t count) {
    return data ? std::vector<T>(data, data + count) : std::vector<T>();
}

void require_positive(std::int64_t value, const char* name) {
    if (value < 1) throw InputError(fmt::format("{}: is {}; it must be 1 or more", name, value));
}

/// A valid data set as a handle.
ntpgeo_dataset* handle_of(Dataset data) {
    auto handle = std::make_unique<ntpgeo_dataset>();
    if (!data.vocab.empty()) handle->vocab_offsets.push_back(0);
    for (const std::string& word : data.vocab) {
        handle->vocab_bytes.insert(handle->vocab_bytes.end(), word.begin(), word.end());
        handle->vocab_offsets.push_back(static_cast<std::int64_t>(handle->vocab_bytes.size()));
    }
    handle->data = std::move(data);
    return handle.release();
}

std::vector<std::string> vocabulary_of(const ntpgeo_csr& csr, const std::string& name) {
    std::vector<std::string> vocab;
    if (csr.vocab_offsets == nullptr) return vocab;
    if (csr.vocab_offsets[0] != 0)
        throw InputError(fmt::format("{}: vocab_offsets begin with {}; they must begin with 0", name,
                                     csr.vocab_offsets[0]));
    for (std::int64_t token = 0; token < csr.vocab_size; ++token) {
        const std::int64_t begin = csr.vocab_offsets[token], end = csr.vocab_offsets[token + 1];
        if (end < begin)
            throw InputError(
                fmt::format("{}: vocab_offsets decrease at token {}; they must not decrease", name, token));
        if (end > begin) require(csr.vocab_bytes, "vocab_bytes");
        vocab.emplace_back(csr.vocab_bytes + begin, csr.vocab_bytes + end);
    }
    return vocab;
}

Dataset dataset_of(const ntpgeo_csr& csr) {
    const std::string name = csr.name ? shown(csr.name) : "data set";
    require_positive(csr.vocab_size, "vocab_size");
    require_positive(csr.contexts, "contexts");
    require(csr.indptr, "indptr");
    Dataset data;
    data.vocab_size = csr.vocab_size;
    data.indptr = copied(csr.indptr, csr.contexts + 1);
    const std::int64_t nnz = data.indptr.back();
    check_indptr(data.indptr, nnz, name);  // before as much is read as its end says
    data.indices = integers<std::int32_t>(csr.indices, csr.indices_type, nnz, "indices");
    data.probs = numbers(csr.probs, csr.probs_type, nnz, "probs");
    data.context_probs = copied(csr.context_probs, csr.contexts);
    if (!csr.context_probs)
        data.context_probs.assign(static_cast<std::size_t>(csr.contexts),
                                  1.0 / static_cast<double>(csr.contexts));
    data.counts = copied(csr.counts, nnz);
    data.context_length = csr.context_length;
    if (csr.context_tokens) {
        require_positive(csr.context_length, "context_length");
        data.context_tokens = copied(csr.context_tokens, csr.contexts * csr.context_length);
    }
    data.vocab = vocabulary_of(csr, name);
    data.source = csr.source ? csr.source : "";
    check_dataset(data, name);
    return data;
}

/// A row of a caller's array of `type`, as doubles.
void read_probs(const void* data, int type, std::int64_t begin, std::span<double> row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
        const std::size_t at = static_cast<std::size_t>(begin) + i;
        row[i] = type == NTPGEO_FLOAT16    ? widened_fp16(static_cast<const std::uint16_t*>(data)[at])
                 : type == NTPGEO_BFLOAT16 ? widened_bf16(static_cast<const std::uint16_t*>(data)[at])
                 : type == NTPGEO_FLOAT32  ? static_cast<const float*>(data)[at]
                                           : static_cast<const double*>(data)[at];
    }
}

/// Of numbers of a type, relative.
double roundoff_of(int type) {
    return type == NTPGEO_FLOAT16    ? 0x1p-11
           : type == NTPGEO_BFLOAT16 ? 0x1p-8
           : type == NTPGEO_FLOAT32  ? 0x1p-24
                                     : 0x1p-53;
}

Dataset topk_dataset(const ntpgeo_topk& topk) {
    require_positive(topk.vocab_size, "vocab_size");
    require_positive(topk.contexts, "contexts");
    require_positive(topk.k, "k");
    if (topk.ids_type != NTPGEO_INT32 && topk.ids_type != NTPGEO_INT64)
        refuse_type(topk.ids_type, "ids", "NTPGEO_INT32 or NTPGEO_INT64");
    if (topk.probs_type != NTPGEO_FLOAT32 && topk.probs_type != NTPGEO_FLOAT64 &&
        topk.probs_type != NTPGEO_FLOAT16 && topk.probs_type != NTPGEO_BFLOAT16)
        refuse_type(topk.probs_type, "probs",
                    "NTPGEO_FLOAT16, NTPGEO_BFLOAT16, NTPGEO_FLOAT32 or NTPGEO_FLOAT64");
    require(topk.ids, "ids");
    require(topk.probs, "probs");
    TopKCollector collector({.vocab_size = topk.vocab_size}, {.where = "top-k",
                                                              .ids = "top-k: ids",
                                                              .probs = "top-k: probs",
                                                              .weights = "top-k: weights",
                                                              .roundoff = roundoff_of(topk.probs_type)});
    std::vector<std::int64_t> ids(static_cast<std::size_t>(topk.k));
    std::vector<double> probs(ids.size());
    for (std::int64_t begin = 0; begin < topk.contexts * topk.k; begin += topk.k) {
        for (std::size_t i = 0; i < ids.size(); ++i) {
            const std::size_t at = static_cast<std::size_t>(begin) + i;
            ids[i] = topk.ids_type == NTPGEO_INT32 ? static_cast<const std::int32_t*>(topk.ids)[at]
                                                   : static_cast<const std::int64_t*>(topk.ids)[at];
        }
        read_probs(topk.probs, topk.probs_type, begin, probs);
        collector.add(ids, probs);
    }
    return collector.finish(copied(topk.weights, topk.contexts), "top-k");
}

Dataset counted(const void* tokens, int type, std::int64_t count, const std::int64_t* document_ends,
                std::int64_t documents, std::int64_t vocab_size, const ntpgeo_settings* settings) {
    require_positive(vocab_size, "vocab_size");
    require_positive(count, "count");
    std::vector<std::int32_t> ids = integers<std::int32_t>(tokens, type, count, "tokens");
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (ids[i] >= vocab_size)
            throw InputError(fmt::format("tokens[{}] is {}; it must be below the vocabulary's size {}", i,
                                         ids[i], vocab_size));
        if (ids[i] < 0) ids[i] = -1;
    }
    std::vector<std::int64_t> ends = document_ends ? copied(document_ends, documents) : std::vector{count};
    for (std::size_t i = 0; i < ends.size(); ++i)
        if (ends[i] <= (i > 0 ? ends[i - 1] : 0))
            throw InputError(
                fmt::format("document_ends[{}] is {}; they must increase from above 0", i, ends[i]));
    if (ends.empty() || ends.back() != count)
        throw InputError(fmt::format("document_ends must end with {}, the number of tokens", count));
    CpuCountingOperations counting;
    std::vector<std::string> nameless(static_cast<std::size_t>(vocab_size));
    Dataset data = count_ngrams(counting, TokensInMemory(ids), ends, std::move(nameless),
                                settings_or_defaults(settings, "ngrams").ngrams)
                       .dataset;
    data.vocab.clear();
    data.source = "token ids";
    return data;
}

}  // namespace
}  // namespace ntpgeo

extern "C" {

int ntpgeo_dataset_from_csr(const ntpgeo_csr* csr, ntpgeo_dataset** data) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(csr, "csr");
        ntpgeo::require(data, "data");
        ntpgeo::require_size(csr->size, sizeof(ntpgeo_csr), "ntpgeo_csr");
        *data = ntpgeo::handle_of(ntpgeo::dataset_of(*csr));
    });
}

int ntpgeo_dataset_from_topk(const ntpgeo_topk* topk, ntpgeo_dataset** data) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(topk, "topk");
        ntpgeo::require(data, "data");
        ntpgeo::require_size(topk->size, sizeof(ntpgeo_topk), "ntpgeo_topk");
        ntpgeo::require_positive(topk->vocab_size, "vocab_size");
        ntpgeo::require_positive(topk->contexts, "contexts");
        ntpgeo::require_positive(topk->k, "k");
        *data = ntpgeo::handle_of(ntpgeo::topk_dataset(*topk));
    });
}

int ntpgeo_dataset_from_ngrams(const void* tokens, int type, int64_t count, const int64_t* document_ends,
                               int64_t documents, int64_t vocab_size, const ntpgeo_settings* settings,
                               ntpgeo_dataset** data) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(data, "data");
        *data = ntpgeo::handle_of(
            ntpgeo::counted(tokens, type, count, document_ends, documents, vocab_size, settings));
    });
}

int ntpgeo_dataset_look(const ntpgeo_dataset* data, ntpgeo_dataset_view* view) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(data, "data");
        ntpgeo::require(view, "view");
        ntpgeo::require_size(view->size, sizeof(ntpgeo_dataset_view), "ntpgeo_dataset_view");
        const ntpgeo::Dataset& held = data->data;
        const auto known = [](const auto& values) { return values.empty() ? nullptr : values.data(); };
        *view = {view->size,
                 held.vocab_size,
                 held.contexts(),
                 held.nnz(),
                 held.indptr.data(),
                 held.indices.data(),
                 held.probs.data(),
                 held.context_probs.data(),
                 known(held.counts),
                 known(held.context_tokens),
                 held.context_length,
                 known(data->vocab_bytes),
                 known(data->vocab_offsets),
                 held.source.c_str(),
                 ntpgeo::entropy(held),
                 ntpgeo::support_classes(held).count()};
    });
}

void ntpgeo_dataset_free(ntpgeo_dataset* data) {
    delete data;
}
}
