// What a build says that has no SentencePiece.
#include <gtest/gtest.h>

#include "host/files/sentencepiece.hpp"
#include "kernels/base/status.hpp"
#include "tests/refusal.hpp"

namespace ntpgeo {
namespace {

TEST(WithoutSentencePiece, AModelIsRefusedWithWhatToInstall) {
    expect_contains(refusal<InputError>([] { const SentencePieceModel model("any"); }),
                    "install libsentencepiece-dev and build it again");
}

}  // namespace
}  // namespace ntpgeo
