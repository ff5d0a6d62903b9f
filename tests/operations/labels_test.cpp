// The pattern listed by word, against a search of the dataset for each word.
#include "engine/data/labels.hpp"
#include "tests/operations/operation_fixture.hpp"

namespace ntpgeo {
namespace {

class LabelIndex : public OperationTest {
  protected:
    void expect(const Dataset& data) {
        std::vector<std::int64_t> indptr{0}, contexts, positions;
        for (std::int32_t word = 0; word < data.vocab_size; ++word) {
            for (std::int64_t j = 0; j < data.contexts(); ++j)
                for (std::int64_t i = data.indptr[j]; i < data.indptr[j + 1]; ++i)
                    if (data.indices[i] == word) {
                        contexts.push_back(j);
                        positions.push_back(i);
                    }
            indptr.push_back(static_cast<std::int64_t>(contexts.size()));
        }
        const Labels labels(backend(), data);
        const LabelsView& view = labels.view();
        const auto read = [&](const std::int64_t* from, std::int64_t size) {
            return download_array<std::int64_t>(backend(), from, size);
        };
        SCOPED_TRACE("V " + std::to_string(data.vocab_size) + ", m " + std::to_string(data.contexts()));
        EXPECT_EQ(read(view.word_indptr, data.vocab_size + 1), indptr);
        EXPECT_EQ(read(view.word_contexts, data.nnz()), contexts);
        EXPECT_EQ(read(view.word_positions, data.nnz()), positions);
    }
};

TEST_F(LabelIndex, ListsEveryEntryByWord) {
    for (const std::int64_t vocab : {1, 2, 3, 255, 256, 257, 1000})
        expect(random_dataset(vocab, 300, 40, 1, std::min<std::int64_t>(vocab, 9), seed()));
}

TEST_F(LabelIndex, OfOneContextOfFullSupportsAndOfWordsThatNoneHolds) {
    expect(random_dataset(1, 1, 1, 1, 1, seed()));
    expect(random_dataset(40, 33, 33, 40, 40, seed()));
    expect(uniform_dataset(70000, {{0, 65536, 69999}, {65536}, {1, 255, 256}}));
}

}  // namespace
}  // namespace ntpgeo
