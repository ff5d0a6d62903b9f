// `ntpgeo analyze`: the figures of a run, and of W and H that come from elsewhere in any precision.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "host/files/safetensors.hpp"
#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

/// The matrices as a network's files would hold them, and the doubles that those bytes stand for.
struct Encoding {
    std::string dtype;  ///< of safetensors
    std::string npy;    ///< of NumPy; "" where it has none
    std::size_t bytes;  ///< a number
    double precision;   ///< relative, of one number
    std::uint64_t (*encode)(double);
    double (*decode)(std::uint64_t);
};

std::uint64_t single_bits(double value) {
    return std::bit_cast<std::uint32_t>(static_cast<float>(value));
}

// Half precision by cutting the mantissa; what is below its normal range becomes 0.
std::uint64_t half_bits(double value) {
    const std::uint64_t bits = single_bits(value);
    const std::int64_t exponent = static_cast<std::int64_t>(bits >> 23 & 0xff) - 112;
    const std::uint64_t sign = bits >> 16 & 0x8000;
    return exponent < 1 ? sign : sign | static_cast<std::uint64_t>(exponent) << 10 | (bits >> 13 & 0x3ff);
}
double half_value(std::uint64_t bits) {
    const auto exponent = static_cast<int>(bits >> 10 & 0x1f);
    const double size =
        exponent == 0 ? 0 : std::ldexp(1024.0 + static_cast<double>(bits & 0x3ff), exponent - 25);
    return bits & 0x8000 ? -size : size;
}

const std::vector<Encoding>& encodings() {
    static const std::vector<Encoding> all = {
        {"F64", "<f8", 8, 0, [](double x) { return std::bit_cast<std::uint64_t>(x); },
         [](std::uint64_t bits) { return std::bit_cast<double>(bits); }},
        {"F32", "<f4", 4, 1e-7, single_bits,
         [](std::uint64_t bits) { return double{std::bit_cast<float>(static_cast<std::uint32_t>(bits))}; }},
        {"F16", "<f2", 2, 1e-3, half_bits, half_value},
        {"BF16", "", 2, 1e-2, [](double x) { return single_bits(x) >> 16; },
         [](std::uint64_t bits) {
             return double{std::bit_cast<float>(static_cast<std::uint32_t>(bits << 16))};
         }},
    };
    return all;
}

class Analyze : public testing::Test {
  protected:
    void SetUp() override {
        data_ = make_tiny_dataset(folder_);
        run_ = folder_ / "run";
        run_well({"train", data_, "-o", run_, "--dim", "8", "--steps", "100"});
        const SafetensorsFile result(run_ / "result.safetensors");
        words_ = result.read_matrix("W");
        contexts_ = result.read_matrix("H");
    }

    /// The bytes of `matrix` in an encoding.
    static std::string encoded(const HostMatrix& matrix, const Encoding& encoding) {
        std::string bytes;
        for (const double value : matrix.values)
            bytes += bytes_of(std::vector<std::uint64_t>{encoding.encode(value)}).substr(0, encoding.bytes);
        return bytes;
    }
    static HostMatrix rounded(HostMatrix matrix, const Encoding& encoding) {
        for (double& value : matrix.values) value = encoding.decode(encoding.encode(value));
        return matrix;
    }
    static std::string shape(const HostMatrix& matrix) {
        return std::to_string(matrix.rows) + ", " + std::to_string(matrix.columns);
    }
    std::string save_npy(const std::string& name, const HostMatrix& matrix, const Encoding& encoding) const {
        std::string header =
            "{'descr': '" + encoding.npy + "', 'fortran_order': False, 'shape': (" + shape(matrix) + "), }";
        header.resize(117, ' ');  // so that the data begins at byte 128
        header += '\n';
        write_raw(folder_ / name,
                  std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + encoded(matrix, encoding));
        return folder_ / name;
    }
    std::string save_tensor(const std::string& name, const HostMatrix& matrix,
                            const Encoding& encoding) const {
        const std::string data = encoded(matrix, encoding);
        write_raw(folder_ / name,
                  raw_safetensors("{\"model.weight\":{\"dtype\":\"" + encoding.dtype + "\",\"shape\":[" +
                                      shape(matrix) + "],\"data_offsets\":[0," + std::to_string(data.size()) +
                                      "]}}",
                                  data));
        return (folder_ / name).string() + ":model.weight";
    }

    /// The one record that analyze prints.
    [[nodiscard]] Json figures(const std::string& words, const std::string& contexts) const {
        const ProgramResult result =
            run_well({"analyze", "--data", data_, "--words", words, "--contexts", contexts});
        EXPECT_EQ(result.err, "");
        EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 1) << result.out;
        return Json::parse(result.out).without("time_s");
    }

    void expect_refused(const Arguments& arguments, const std::string& said) const {
        SCOPED_TRACE(said);
        const auto before = contents(folder_.path()), run_before = contents(run_);
        expect_one_line(run_quickly(Arguments{"analyze"} + arguments), 2, said);
        EXPECT_EQ(contents(folder_.path()), before);
        EXPECT_EQ(contents(run_), run_before);
    }
    void expect_matrices_refused(const std::string& words, const std::string& contexts,
                                 const std::string& said) const {
        expect_refused({"--data", data_, "--words", words, "--contexts", contexts}, said);
    }

    ScratchFolder folder_;
    std::string data_;
    fs::path run_;
    HostMatrix words_, contexts_;
};

TEST_F(Analyze, EveryPrecisionIsReadExactly) {
    const Encoding& exact = encodings()[0];
    const Json original =
        figures(save_tensor("w.safetensors", words_, exact), save_tensor("h.safetensors", contexts_, exact));
    for (const Encoding& encoding : encodings()) {
        SCOPED_TRACE(encoding.dtype);
        const std::string expected = figures(save_npy("w.npy", rounded(words_, encoding), exact),
                                             save_npy("h.npy", rounded(contexts_, encoding), exact))
                                         .dump();
        const Json tensors = figures(save_tensor("w.safetensors", words_, encoding),
                                     save_tensor("h.safetensors", contexts_, encoding));
        EXPECT_EQ(tensors.dump(), expected);
        if (!encoding.npy.empty()) {
            const Json arrays =
                figures(save_npy("w.npy", words_, encoding), save_npy("h.npy", contexts_, encoding));
            EXPECT_EQ(arrays.dump(), expected);
        }
        for (const char* key : {"excess_loss", "words_norm", "sparse_norm", "low_rank_norm", "dominance",
                                "in_support_error", "alignment_proxy", "stable_rank", "class_cosine"}) {
            const double reference = original[key];
            EXPECT_NEAR(tensors[key], reference, 10 * encoding.precision * std::abs(reference)) << key;
        }
    }
}

TEST_F(Analyze, ARunKnowsItsDataAndItsStep) {
    const Json record = Json::parse(run_well({"analyze", run_}).out);
    EXPECT_EQ(record["step"], 100);
    EXPECT_EQ(Json::parse(run_well({"analyze", run_, "--data", data_}).out)["excess_loss"],
              record["excess_loss"]);
    EXPECT_EQ(record["excess_loss"], records(run_).back()["excess_loss"]);
}

TEST_F(Analyze, ARunThatIsNotFinishedIsMeasuredAtItsNewestCheckpoint) {
    fs::remove(run_ / "result.safetensors");
    EXPECT_EQ(Json::parse(run_well({"analyze", run_}).out)["excess_loss"],
              records(run_).back()["excess_loss"]);
    // Resumed with more steps and stopped, a run has an old result beside a newer checkpoint.
    const fs::path longer = folder_ / "longer";
    run_well({"train", data_, "-o", longer, "--dim", "8", "--steps", "50"});
    fs::copy_file(run_ / "checkpoint-000000000100.safetensors",
                  longer / "checkpoint-000000000100.safetensors");
    EXPECT_EQ(Json::parse(run_well({"analyze", longer}).out)["step"], 100);
}

TEST_F(Analyze, ADryRunMeasuresNothingAndSaysWhatItWouldTake) {
    const auto before = contents(folder_.path());
    const std::string out = run_well({"analyze", run_, "-o", folder_ / "record", "--dry-run"}).out;
    for (const char* part : {"data set", "labels", "W and H", "all of it", "about", "nothing: a dry run"})
        expect_contains(out, part);
    EXPECT_EQ(out.find("excess_loss"), std::string::npos);
    EXPECT_EQ(contents(folder_.path()), before);
}

TEST_F(Analyze, KeepsItsRecordAsARunThatReportReads) {
    const fs::path kept = folder_ / "kept";
    const ProgramResult result = run_well({"analyze", run_, "-o", kept});
    EXPECT_EQ(read_file(kept / "metrics.jsonl"), result.out);
    EXPECT_EQ(Json::parse(read_file(kept / "config.json"))["command"], "analyze");
    run_well({"report", kept, run_, "-o", folder_ / "report.html"});
    expect_contains(read_file(folder_ / "report.html"), "kept");
    expect_refused({run_, "-o", kept}, "another run");
    expect_refused({kept}, "command train");
}

TEST_F(Analyze, NothingHalfWrittenStaysWhereTheDiskIsFull) {
    const ProgramResult result =
        run_program({"bash", "-c", "ulimit -f 1; trap '' XFSZ; exec \"$@\"", "-", "env", "OMP_NUM_THREADS=1",
                     NTPGEO_BINARY, "analyze", run_, "-o", folder_ / "kept"});
    expect_one_line(result, 1, "metrics.jsonl");
    EXPECT_FALSE(fs::exists(folder_ / "kept"));
    EXPECT_TRUE(names_beginning(folder_.path(), ".ntpgeo").empty());
}

TEST_F(Analyze, WrongArguments) {
    const std::string words = run_ / "result.safetensors:W", contexts = run_ / "result.safetensors:H";
    write_raw(folder_ / "file", "mine\n");
    expect_refused({}, "give either a RUN, or both --words and --contexts");
    expect_refused({run_, "--words", words, "--contexts", contexts}, "give either a RUN, or both");
    expect_refused({"--data", data_, "--words", words}, "without --contexts");
    expect_refused({"--data", data_, "--contexts", contexts}, "without --words");
    expect_refused({"--words", words, "--contexts", contexts}, "--data is missing");
    expect_refused({run_, "--device", "cuda:99"}, "cuda:99");
    expect_refused({run_, "--device", "tpu"}, "auto, cpu");
    expect_refused({run_, "--colour"}, "--colour");
    expect_refused({run_, run_}, "not expected");
    expect_refused({folder_ / "missing"}, "holds no run");
    expect_refused({data_}, "holds no run");
    expect_refused({folder_.path()}, "holds no run");
    expect_refused({run_, "--data", folder_ / "missing"}, "missing");
    expect_refused({run_, "-o", ""}, "empty path");
    expect_refused({run_, "-o", run_}, "another run");
    expect_refused({run_, "-o", folder_ / "file"}, "holds no run");
    expect_refused({run_, "-o", folder_ / "missing/kept"}, "does not exist");
}

TEST_F(Analyze, MatricesThatDoNotFitSayWhichDimensionIsOff) {
    const std::string file = run_ / "result.safetensors";
    const std::string words = file + ":W", contexts = file + ":H";
    const Encoding& exact = encodings()[0];
    const HostMatrix narrow{60, 7, std::vector<double>(420, 1)};
    expect_matrices_refused(contexts, contexts, "is [60, 8], but W is [V, d]");
    expect_matrices_refused(contexts, contexts, "V = 20 words: its first dimension is off");
    expect_matrices_refused(words, words, "m = 60 contexts: its first dimension is off");
    expect_matrices_refused(words, save_npy("narrow.npy", narrow, exact),
                            "is [60, 7], but W has d = 8 columns: the second dimensions must agree");
}

TEST_F(Analyze, MatricesThatCannotBeRead) {
    const std::string file = run_ / "result.safetensors";
    const std::string contexts = file + ":H";
    const Encoding& exact = encodings()[0];
    expect_matrices_refused(file + ":Q", contexts, "no tensor 'Q'; it holds H, W");
    expect_matrices_refused(file, contexts, "F.npy or F.safetensors:NAME; the file holds H, W");
    expect_matrices_refused(file + ":", contexts, "F.npy or F.safetensors:NAME; the file holds H, W");
    expect_matrices_refused(file + ":W", file, "F.npy or F.safetensors:NAME; the file holds H, W");
    expect_matrices_refused("", contexts, "F.npy or F.safetensors:NAME");
    expect_matrices_refused(folder_ / "missing.npy", contexts, "missing.npy");
    expect_matrices_refused(folder_ / "missing.safetensors:W", contexts, "missing.safetensors");
    fs::copy_file(data_, folder_ / "data.safetensors");
    expect_matrices_refused((folder_ / "data.safetensors").string() + ":probs", contexts, "probs");
    write_raw(folder_ / "text.npy", "once upon a time\n");
    expect_matrices_refused(folder_ / "text.npy", contexts, "text.npy");
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        HostMatrix spoiled = words_;
        spoiled.values[8 * 3 + 5] = bad;
        expect_matrices_refused(save_npy("w.npy", spoiled, exact), contexts, "the entry [3, 5] is");
    }
}

TEST_F(Analyze, ADatasetThatHasChangedIsNoticed) {
    make_tiny_dataset(folder_, "tiny", "1");
    expect_refused({run_}, "has changed since the run was made");
}

}  // namespace
}  // namespace ntpgeo
