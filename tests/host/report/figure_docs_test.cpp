// docs/figures.md holds the table of figures. Where it does not, this writes it there:
//     NTPGEO_WRITE_DOCS=1 build/tests/host_report_tests --gtest_filter='FigureDocs.*'
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "engine/geometry/figure_table.hpp"

namespace ntpgeo {
namespace {

constexpr std::string_view kBegin = "<!-- figures:begin -->\n", kEnd = "<!-- figures:end -->\n";

std::string joined(std::string list, std::string_view item) {
    if (!list.empty()) list += ", ";
    return list.append(item);
}

std::string verbs_of(const RecordKey& key) {
    std::string verbs;
    if ((key.verbs & train_verb) != 0) verbs = joined(verbs, "train");
    if ((key.verbs & analyze_verb) != 0) verbs = joined(verbs, "analyze");
    if ((key.verbs & path_verb) != 0) verbs = joined(verbs, "path");
    if ((key.verbs & limit_verb) != 0) verbs = joined(verbs, "limit");
    return verbs;
}

/// The names of the figures that show a key.
std::string figures_of(const RecordKey& key) {
    std::string figures;
    for (const FigureKind& kind : figure_kinds())
        for (const std::string_view name : kind.keys)
            if (name == key.name) figures = joined(figures, "`" + std::string(kind.id) + "`");
    return figures.empty() ? "–" : figures;
}

std::string figure_rows() {
    std::ostringstream rows;
    rows << "| Key | What it is | Unit or range | `null` where | Written by | Drawn as |\n"
            "|---|---|---|---|---|---|\n";
    for (const RecordKey& key : record_keys())
        rows << "| `" << key.name << "` | " << key.meaning << " | " << key.range << " | "
             << (key.null_where.empty() ? "–" : key.null_where) << " | " << verbs_of(key) << " | "
             << figures_of(key) << " |\n";
    return rows.str();
}

TEST(FigureDocs, HoldTheTableOfFigures) {
    const std::string file = NTPGEO_SOURCE_DIR "/docs/figures.md";
    std::stringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    std::string page = text.str();
    const std::size_t begin = page.find(kBegin), end = page.find(kEnd);
    ASSERT_NE(begin, std::string::npos) << file << " has no " << kBegin;
    ASSERT_NE(end, std::string::npos) << file << " has no " << kEnd;
    const std::size_t first = begin + kBegin.size();
    ASSERT_LE(first, end);
    if (std::getenv("NTPGEO_WRITE_DOCS") != nullptr) {
        page.replace(first, end - first, figure_rows());
        std::ofstream(file, std::ios::binary) << page;
    } else {
        EXPECT_EQ(page.substr(first, end - first), figure_rows());
    }
}

}  // namespace
}  // namespace ntpgeo
