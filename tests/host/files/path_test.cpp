// Paths that stay what they are, through text and messages.
#include "host/files/path.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "host/files/file_error.hpp"
#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;

TEST(Path, IsMadeWholeAndNeverFolded) {
    EXPECT_EQ(absolute_path("/a/link/../b/./c//d"), fs::path("/a/link/../b/./c//d"));
    const std::string here = fs::current_path();
    EXPECT_EQ(absolute_path("link/../b").native(), here + "/link/../b");
    EXPECT_EQ(absolute_folder("link/..//").native(), here + "/link/..");
    EXPECT_EQ(absolute_folder("/"), fs::path("/"));
    EXPECT_EQ(folder_of("a/../b"), fs::path("a/.."));
    EXPECT_EQ(folder_of("b"), fs::path("."));
}

TEST(Path, SaysThatTheCurrentFolderIsGone) {
    const fs::path before = fs::current_path();
    const ScratchFolder folder;
    fs::create_directory(folder / "gone");
    fs::current_path(folder / "gone");
    fs::remove(folder / "gone");
    const std::string message = refusal<InputError>([] { absolute_path("x"); });
    fs::current_path(before);
    expect_contains(message, "current folder");
}

TEST(PathText, HoldsEveryPathWithoutLoss) {
    std::string every;
    for (int byte = 1; byte < 256; ++byte) every += static_cast<char>(byte);
    for (const std::string& path :
         {every, std::string("d\xe9.ds"), std::string("\xc3"), std::string("\xed\xa0\x80"),
          std::string("é\n\x01\\x"), std::string("a\xf0\x9f\x98"), std::string()}) {
        const std::string text = text_of_path(path);
        EXPECT_EQ(path_of_text(text), path);
        // JSON takes it as it is: what is not UTF-8 would throw.
        EXPECT_EQ(nlohmann::json::parse(nlohmann::json(text).dump()).get<std::string>(), text);
    }
    EXPECT_EQ(text_of_path("plain/é"), "plain/é");
    EXPECT_EQ(text_of_path("d\xe9"), std::string("d\0e9", 4));
}

TEST(PathText, RefusesWhatWouldBeCutOff) {
    for (const std::string& text : {std::string("a\0b", 3), std::string("a\0", 2), std::string("a\0zz", 4),
                                    std::string("a\0"
                                                "00",
                                                4),
                                    std::string("a\0+9", 4)})
        EXPECT_EQ(path_of_text(text), std::nullopt);
}

TEST(Printable, IsOneLineOfUtf8) {
    EXPECT_EQ(printable(std::string_view("a\nb\x7f é")), "a\\x0ab\\x7f é");
    EXPECT_EQ(printable(std::string_view("d\xe9.\xc3\xff")), "d\\xe9.\\xc3\\xff");
    EXPECT_EQ(printable(std::string_view("\xc2\x85 \xe2\x80\xa8 \xe2\x80\xae")),
              "\\u{0085} \\u{2028} \\u{202E}");
    EXPECT_EQ(printable(std::string_view(std::string(5000, 'x'))), std::string(4096, 'x') + "...");
}

TEST(SystemError, IsWrongInputWhereThePathIsAtFault) {
    for (const int fault :
         {ENAMETOOLONG, EACCES, EPERM, ENOENT, ENOTDIR, ELOOP, EROFS, EISDIR, EEXIST, ENOTEMPTY})
        expect_contains(refusal<InputError>([&] { throw_system_error("P", "made", fault); }),
                        "P: cannot be made: ");
    for (const int trouble : {ENOSPC, EIO, ENOMEM, EMFILE, EDQUOT})
        expect_contains(refusal<Failure>([&] { throw_system_error("P", "made", trouble); }),
                        "P: cannot be made: ");
}

}  // namespace
}  // namespace ntpgeo
