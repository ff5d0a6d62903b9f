// `ntpgeo data topk` as a person runs it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "host/files/atomic_file.hpp"
#include "host/files/dataset_file.hpp"
#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

void write_teacher(const fs::path& file, std::int32_t id) {
    const std::string header =
        R"({"__metadata__":{"vocab_size":"6"},"ids":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]},)"
        R"("probs":{"dtype":"F32","shape":[2,2],"data_offsets":[16,32]}})";
    write_raw(file, raw_safetensors(header, bytes_of(std::vector<std::int32_t>{3, 1, id, -1}) +
                                                bytes_of(std::vector<float>{0.5F, 0.25F, 0.25F, 0})));
}

TEST(DataTopK, MakesADataSetThatTrains) {
    const ScratchFolder folder;
    write_teacher(folder / "t.safetensors", 2);
    const std::string out =
        run_well({"data", "topk", folder / "t.safetensors", "-o", folder / "fold.safetensors"}).out;
    expect_contains(out, "missing     0.5 of a context, on average, is on words beyond its 2");
    const Dataset dataset = read_dataset(folder / "fold.safetensors");
    EXPECT_EQ(dataset.vocab_size, 6);
    EXPECT_EQ(dataset.indices, (std::vector<std::int32_t>{1, 3, 2}));
    EXPECT_EQ(dataset.context_probs, (std::vector<double>{0.75, 0.25}));
    run_well({"data", "topk", folder / "t.safetensors", "-o", folder / "even.safetensors", "--missing",
              "renormalise", "--vocab", "8"});
    EXPECT_EQ(read_dataset(folder / "even.safetensors").context_probs, (std::vector<double>{0.5, 0.5}));
    EXPECT_EQ(read_dataset(folder / "even.safetensors").vocab_size, 8);
    run_well({"train", folder / "fold.safetensors", "-o", folder / "run", "--steps", "2", "--dim", "2"});
}

TEST(DataTopK, SaysInOneLineWhatIsWrongAndLeavesNothing) {
    const ScratchFolder folder;
    write_teacher(folder / "t.safetensors", 6);
    const auto before = contents(folder.path());
    const auto refused = [&](const Arguments& arguments, const std::string& said) {
        expect_one_line(run_quickly(Arguments{"data", "topk"} + arguments), 2, said);
        EXPECT_EQ(contents(folder.path()), before);
    };
    const std::string file = folder / "t.safetensors", output = folder / "new";
    refused({file, "-o", output},
            file + ": tensor 'ids': ids[1, 0] is 6; it must be below the vocabulary's size 6");
    refused({file, "-o", file}, "is there already and is no data set");
    refused({"-o", output}, "topk: give FILE, or --ids and one of --probs and --log-probs");
    refused({file, "-o", output, "--missing", "tail"}, "--missing: 'tail' is unknown; use fold, renormalise");
}

}  // namespace
}  // namespace ntpgeo
