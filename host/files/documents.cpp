#include "host/files/documents.hpp"

#include <algorithm>

namespace ntpgeo {
namespace {

DocumentPlace next_line(std::string_view text, std::size_t from) {
    const std::size_t end = std::min(text.find_first_of("\n\r", from), text.size());
    const bool is_pair = text.substr(end, 2) == "\r\n";
    return {from, end, std::min(end + (is_pair ? 2 : 1), text.size())};
}

bool is_blank(std::string_view line) {
    return line.find_first_not_of(" \t") == std::string_view::npos;
}

DocumentPlace next_paragraph(std::string_view text, std::size_t from) {
    DocumentPlace paragraph{from, from, from};
    while (paragraph.next < text.size()) {
        const DocumentPlace line = next_line(text, paragraph.next);
        const bool has_begun = paragraph.end > paragraph.begin;
        paragraph.next = line.next;
        if (!is_blank(text.substr(line.begin, line.end - line.begin))) {
            if (!has_begun) paragraph.begin = line.begin;
            paragraph.end = line.end;
        } else if (has_begun) {
            break;
        } else {
            paragraph.begin = paragraph.end = line.next;
        }
    }
    return paragraph;
}

}  // namespace

DocumentPlace next_document(std::string_view text, std::size_t from, DocumentKind kind) {
    switch (kind) {
        case DocumentKind::line:
            return next_line(text, from);
        case DocumentKind::paragraph:
            return next_paragraph(text, from);
        case DocumentKind::file:
            break;
    }
    return {from, text.size(), text.size()};
}

}  // namespace ntpgeo
