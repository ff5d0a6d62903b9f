#include "host/files/shown_words.hpp"

#include <fmt/format.h>

#include "host/files/text.hpp"

namespace ntpgeo {

std::string shown_word(const Dataset& dataset, std::int64_t id) {
    if (dataset.vocab.empty()) return fmt::format("#{}", id);
    const std::string shown = printable_token(dataset.vocab[static_cast<std::size_t>(id)]);
    return shown.empty() || shown.find(' ') != std::string::npos ? "'" + shown + "'" : shown;
}

std::string shown_context(const Dataset& dataset, std::int64_t context) {
    if (dataset.context_tokens.empty()) return fmt::format("context {}", context);
    std::string shown;
    for (std::int64_t i = context * dataset.context_length; i < (context + 1) * dataset.context_length; ++i)
        shown += (shown.empty() ? "" : " ") + shown_word(dataset, dataset.context_tokens[i]);
    return shown;
}

}  // namespace ntpgeo
