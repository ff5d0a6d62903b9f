// Where the documents of a text begin and end (design 2.3).
#pragma once

#include <cstddef>
#include <string_view>

#include "engine/data/settings.hpp"

namespace ntpgeo {

/// Bytes begin .. end of a text are a document, which may be empty; the next one is looked for from `next`
/// on.
struct DocumentPlace {
    std::size_t begin, end, next;
};

/// The first document of `text` from byte `from` < text.size() on, where no document has begun yet. A line
/// ends at \n, \r\n or \r, which is no part of it; a paragraph with its last line, before one that is empty
/// or holds nothing but spaces and tabs.
DocumentPlace next_document(std::string_view text, std::size_t from, DocumentKind kind);

}  // namespace ntpgeo
