#include "engine/training/shared_state.hpp"

#include <algorithm>
#include <cstddef>

#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

[[noreturn]] void refuse(const std::string& name) {
    throw InputError("the saved tensor '" + name + "' is not in every part, or not with the part's rows");
}

const StateTensor& find(const StatePart& part, const StateTensor& like) {
    const auto found = std::find_if(part.tensors.begin(), part.tensors.end(),
                                    [&](const StateTensor& tensor) { return tensor.name == like.name; });
    if (found == part.tensors.end() || found->real != like.real || found->shape.size() != 2 ||
        found->shape[1] != like.shape[1])
        refuse(like.name);
    return *found;
}

}  // namespace

bool has_word_rows(const std::string& name) {
    return name == "W" || name.ends_with(".W");
}
bool has_context_rows(const std::string& name) {
    return name == "H" || name.ends_with(".H");
}

std::vector<StateTensor> own_rows(const std::vector<StatePart>& parts, RowRange words, RowRange contexts) {
    std::vector<StateTensor> own;
    for (const StateTensor& first : parts.at(0).tensors) {
        const bool of_words = has_word_rows(first.name);
        if (!of_words && !has_context_rows(first.name)) {
            own.push_back(first);
            continue;
        }
        if (first.shape.size() != 2) refuse(first.name);
        const RowRange wanted = of_words ? words : contexts;
        const std::int64_t row_bytes = first.shape[1] * bytes_of(first.real);
        StateTensor tensor{first.name, first.real, {wanted.size(), first.shape[1]}, {}};
        tensor.bytes.resize(static_cast<std::size_t>(wanted.size() * row_bytes));
        std::int64_t found = 0;
        for (const StatePart& part : parts) {
            const RowRange rows = of_words ? part.words : part.contexts;
            const StateTensor& there = find(part, first);
            if (there.shape[0] != rows.size() || std::ssize(there.bytes) != rows.size() * row_bytes)
                refuse(first.name);
            const std::int64_t from = std::max(wanted.first, rows.first),
                               end = std::min(wanted.end, rows.end);
            if (from >= end) continue;
            std::copy_n(there.bytes.begin() + (from - rows.first) * row_bytes, (end - from) * row_bytes,
                        tensor.bytes.begin() + (from - wanted.first) * row_bytes);
            found += end - from;
        }
        if (found != wanted.size()) refuse(first.name);
        own.push_back(std::move(tensor));
    }
    return own;
}

}  // namespace ntpgeo
