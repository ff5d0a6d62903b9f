// The loss step by the C header: a teacher's top-k to labels, and a call in the caller's memory.
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "tests/library/library_fixture.hpp"

namespace ntpgeo_tests {
namespace {

struct FreeLoss {
    void operator()(ntpgeo_loss* loss) const { ntpgeo_loss_free(loss); }
};
using LossHandle = std::unique_ptr<ntpgeo_loss, FreeLoss>;

struct Labels {
    std::vector<std::int64_t> indptr;
    std::vector<std::int32_t> indices;
    std::vector<double> probs, masses, tails, entropies;

    Labels(std::int64_t contexts, std::int64_t k)
        : indptr(static_cast<std::size_t>(contexts + 1)),
          indices(static_cast<std::size_t>(contexts * k)),
          probs(indices.size()),
          masses(static_cast<std::size_t>(contexts)),
          tails(masses.size()),
          entropies(masses.size()) {}
    ntpgeo_loss_rows rows() {
        return {sizeof(ntpgeo_loss_rows),
                indptr.data(),
                indices.data(),
                probs.data(),
                masses.data(),
                tails.data(),
                entropies.data()};
    }
};

/// Three contexts of a vocabulary of four: duplicates and padding, a missing mass, nothing at all.
struct Teacher {
    std::vector<std::int64_t> ids{3, 1, 3, 2, -1, 0, -1, -1, -1};
    std::vector<float> probs{0.25F, 0.5F, 0.25F, 0.5F, 9, 0, 1, 1, 1};

    [[nodiscard]] ntpgeo_teacher teacher(int tail) const {
        ntpgeo_teacher teacher = {};
        teacher.size = sizeof teacher;
        teacher.vocab_size = 4;
        teacher.contexts = 3;
        teacher.k = 3;
        teacher.ids = ids.data();
        teacher.ids_type = NTPGEO_INT64;
        teacher.ignore = -100;
        teacher.probs = probs.data();
        teacher.probs_type = NTPGEO_FLOAT32;
        teacher.tail = tail;
        teacher.check = 1;
        return teacher;
    }
};

TEST(LibraryLoss, MakesLabelsOfATeachersTopK) {
    const Teacher given;
    const ntpgeo_teacher teacher = given.teacher(NTPGEO_TAIL_REST);
    Labels labels(3, 3);
    const ntpgeo_loss_rows rows = labels.rows();
    ASSERT_EQ(ntpgeo_loss_labels(&teacher, &rows), NTPGEO_OK) << ntpgeo_last_error();
    EXPECT_EQ(labels.indptr, (std::vector<std::int64_t>{0, 2, 3, 4}));
    EXPECT_EQ(labels.indices[0], 1);
    EXPECT_EQ(labels.indices[1], 3);
    EXPECT_EQ(labels.indices[2], 2);
    EXPECT_EQ(labels.probs[0], 0.5);
    EXPECT_EQ(labels.probs[1], 0.5);
    EXPECT_EQ(labels.probs[2], 1);
    EXPECT_EQ(labels.masses, (std::vector<double>{1, 1, 0}));
    EXPECT_EQ(labels.tails, (std::vector<double>{0, 0.5, 0.5}));
    EXPECT_NEAR(labels.entropies[0], std::log(2.0), 1e-15);
    EXPECT_NEAR(labels.entropies[1], std::log(2.0), 1e-15);
}

TEST(LibraryLoss, NamesWhatIsNoProbability) {
    Teacher wrong;
    wrong.probs[4] = -1;  // padding, which nobody reads
    Labels labels(3, 3);
    const ntpgeo_loss_rows rows = labels.rows();
    ntpgeo_teacher teacher = wrong.teacher(NTPGEO_TAIL_NONE);
    EXPECT_EQ(ntpgeo_loss_labels(&teacher, &rows), NTPGEO_OK);
    wrong.probs[3] = std::numeric_limits<float>::quiet_NaN();
    teacher = wrong.teacher(NTPGEO_TAIL_NONE);
    expect_refused(ntpgeo_loss_labels(&teacher, &rows), "probs[1, 0] is nan");
    teacher.check = 0;
    EXPECT_EQ(ntpgeo_loss_labels(&teacher, &rows), NTPGEO_OK);
    EXPECT_TRUE(std::isnan(labels.masses[1]));
    wrong.ids[0] = 4;
    teacher = wrong.teacher(NTPGEO_TAIL_NONE);
    teacher.check = 0;
    expect_refused(ntpgeo_loss_labels(&teacher, &rows), "indices[0, 0] is 4");
}

// Without weights every word is as likely: the excess is log V − H(p), and dH is 0.
TEST(LibraryLoss, IsThatOfAUniformModelWhereAllWeightsAreZero) {
    const Teacher given;
    const ntpgeo_teacher teacher = given.teacher(NTPGEO_TAIL_NONE);
    Labels labels(3, 3);
    const ntpgeo_loss_rows rows = labels.rows();
    ASSERT_EQ(ntpgeo_loss_labels(&teacher, &rows), NTPGEO_OK) << ntpgeo_last_error();
    const ntpgeo_loss_sizes sizes = {sizeof sizes, 4, 2, 3, 9, 0};
    ntpgeo_loss* made = nullptr;
    ASSERT_EQ(ntpgeo_loss_new("cpu", "fp32", &sizes, &made), NTPGEO_OK) << ntpgeo_last_error();
    const LossHandle loss(made);
    std::vector<float> words(8, 0), hidden{1, 2, 3, 4, 5, 6}, words_gradient(8), hidden_gradient(6, 7);
    std::vector<double> losses(3), weights{1, 0.5, 0};
    double sum[2];
    ntpgeo_loss_call call = {};
    call.size = sizeof call;
    call.contexts = 3;
    call.entries = labels.indptr.back();
    call.indptr = labels.indptr.data();
    call.indices = labels.indices.data();
    call.probs = labels.probs.data();
    call.weights = weights.data();
    call.words = {words.data(), NTPGEO_FLOAT32, 4, 2, 2};
    call.hidden = {hidden.data(), NTPGEO_FLOAT32, 3, 2, 2};
    call.words_gradient = {words_gradient.data(), NTPGEO_FLOAT32, 4, 2, 2};
    call.hidden_gradient = {hidden_gradient.data(), NTPGEO_FLOAT32, 3, 2, 2};
    call.sum = sum;
    call.losses = losses.data();
    std::int64_t bytes = 0;
    ASSERT_EQ(ntpgeo_loss_workspace(loss.get(), &call, &bytes), NTPGEO_OK) << ntpgeo_last_error();
    std::vector<unsigned char> memory(static_cast<std::size_t>(bytes) + 256);
    void* const workspace = memory.data() + (256 - reinterpret_cast<std::uintptr_t>(memory.data()) % 256);
    expect_refused(ntpgeo_loss_enqueue(loss.get(), &call, workspace, bytes - 1, nullptr), "a workspace of");
    ASSERT_EQ(ntpgeo_loss_enqueue(loss.get(), &call, workspace, bytes, nullptr), NTPGEO_OK)
        << ntpgeo_last_error();
    EXPECT_NEAR(losses[0], std::log(4.0) - std::log(2.0), 1e-7);
    EXPECT_NEAR(losses[1], std::log(4.0), 1e-7);
    EXPECT_NEAR(sum[0], losses[0] + 0.5 * losses[1], 1e-7);
    EXPECT_EQ(hidden_gradient, std::vector<float>(6, 0));
    EXPECT_NEAR(words_gradient[0], 0.25 * 1 + 0.5 * 0.25 * 3, 1e-6);          // word 0, in no support
    EXPECT_NEAR(words_gradient[5], (0.25 * 2) + 0.5 * (0.25 - 1) * 4, 1e-6);  // word 2, the second's
    // Once more, added to what is there, which a call overwrites otherwise.
    const std::vector<float> once = words_gradient;
    call.adds_to_words_gradient = 1;
    ASSERT_EQ(ntpgeo_loss_enqueue(loss.get(), &call, workspace, bytes, nullptr), NTPGEO_OK)
        << ntpgeo_last_error();
    for (std::size_t i = 0; i < once.size(); ++i) EXPECT_EQ(words_gradient[i], 2 * once[i]) << i;
    call.adds_to_words_gradient = 0;
    ASSERT_EQ(ntpgeo_loss_enqueue(loss.get(), &call, workspace, bytes, nullptr), NTPGEO_OK)
        << ntpgeo_last_error();
    EXPECT_EQ(words_gradient, once);
}

TEST(LibraryLoss, RefusesWhatItCannotDo) {
    ntpgeo_loss* made = nullptr;
    const ntpgeo_loss_sizes sizes = {sizeof sizes, 4, 2, 3, 9, 0};
    expect_refused(ntpgeo_loss_new("cpu", "fp8", &sizes, &made), "precision: 'fp8'");
    expect_refused(ntpgeo_loss_new("cpu", "bf16", &sizes, &made), "need a GPU");
    expect_refused(ntpgeo_loss_new("tpu", "fp32", &sizes, &made), "tpu");
    ASSERT_EQ(ntpgeo_loss_new("cpu", "fp64", &sizes, &made), NTPGEO_OK) << ntpgeo_last_error();
    const LossHandle loss(made);
    ntpgeo_loss_call call = {};
    std::int64_t bytes = 0;
    expect_refused(ntpgeo_loss_workspace(loss.get(), &call, &bytes), "its size is 0");
    call.size = sizeof call;
    call.divergence = 3;
    expect_refused(ntpgeo_loss_workspace(loss.get(), &call, &bytes), "divergence: 3");
    call.divergence = NTPGEO_FORWARD;
    double number = 0;
    call.words = {&number, NTPGEO_INT32, 4, 2, 2};
    expect_refused(ntpgeo_loss_workspace(loss.get(), &call, &bytes), "words: type 1");
}

}  // namespace
}  // namespace ntpgeo_tests
