// The module that the program and the library open when a GPU is asked for: the emulated device stands in for
// CUDA.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

constexpr const char* module_name = "libntpgeo_cuda.so";

/// A copy of the program as it is built for users, in a folder of its own, which names one module or none.
class CudaModule : public testing::Test {
  protected:
    CudaModule() { fs::copy_file(NTPGEO_OPENS_MODULE, program_); }

    void put_module(const fs::path& module, const fs::path& folder) {
        fs::create_directories(folder);
        fs::copy_file(module, folder / module_name);
    }
    /// On a machine with a driver, or without one.
    ProgramResult train(const std::string& device, const std::string& output, bool driver = true) const {
        const std::string libraries = driver ? fs::path(NTPGEO_STUB_DRIVER).parent_path().string() : "";
        return run_program({"env", "OMP_NUM_THREADS=1", "LD_LIBRARY_PATH=" + libraries, program_, "train",
                            data_, "-o", output, "--device", device, "--dim", "8", "--steps", "5"});
    }
    /// A run on a GPU is refused by a line that holds `why`; one on whatever there is takes place on the CPU.
    void expect_no_gpu(const std::string& why, bool driver = true) const {
        const ProgramResult refused = train("cuda", scratch_ / "refused", driver);
        EXPECT_EQ(refused.status, 2);
        expect_contains(refused.err, "device: 'cuda' needs a GPU with CUDA, and ");
        expect_contains(refused.err, why);
        EXPECT_EQ(refused.err.find('\n'), refused.err.size() - 1) << refused.err;
        const std::string output = scratch_ / "elsewhere";
        EXPECT_EQ(train("auto", output, driver).status, 0);
        EXPECT_EQ(Json::parse(read_file(output + "/config.json"))["device"], "cpu");
    }

    ScratchFolder scratch_;
    fs::path bin_ = fs::path(scratch_ / "bin");
    std::string program_ = (fs::create_directory(bin_), bin_ / "ntpgeo");
    std::string data_ = make_tiny_dataset(scratch_);
};

TEST_F(CudaModule, BesideTheProgramTrainsToTheBitsOfOneThatIsLinked) {
    put_module(NTPGEO_EMULATED_MODULE, bin_);
    const std::string output = scratch_ / "run", linked = scratch_ / "linked";
    const ProgramResult result = train("cuda", output);
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(Json::parse(read_file(output + "/config.json"))["device"], "cuda:0");
    run_well({"train", data_, "-o", linked, "--device", "cuda", "--dim", "8", "--steps", "5"});
    expect_same_run(output, linked);
}

TEST_F(CudaModule, IsFoundAmongTheLibrariesOfAnInstallation) {
    put_module(NTPGEO_EMULATED_MODULE, bin_ / NTPGEO_LIBRARIES_FROM_PROGRAMS);
    const ProgramResult result = train("cuda", scratch_ / "run");
    EXPECT_EQ(result.status, 0) << result.err;
}

TEST_F(CudaModule, RefusesWhatAGpuCannotDoWithTheModulesOwnWords) {
    put_module(NTPGEO_EMULATED_MODULE, bin_);
    const ProgramResult result = train("cuda:7", scratch_ / "run");
    EXPECT_EQ(result.status, 2);
    expect_contains(result.err, "there is no 'cuda:7'; this process sees cuda:0");
}

TEST_F(CudaModule, ThatIsNotThereIsABuildWithoutCuda) {
    expect_no_gpu("this build of ntpgeo has no CUDA");
}

TEST_F(CudaModule, IsNotOpenedWithoutADriver) {
    if (dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL)) GTEST_SKIP() << "this machine has a driver";
    put_module(NTPGEO_FOREIGN_MODULE, bin_);
    expect_no_gpu("no NVIDIA driver is installed", false);
}

TEST_F(CudaModule, ThatDoesNotLoadIsNamedWithTheReasonAndWhatHelps) {
    fs::copy_file(data_, bin_ / module_name);
    const std::string path = fs::canonical(bin_ / module_name);
    expect_no_gpu(path + " does not load (" + path +
                  ": invalid ELF header): CUDA's libraries come with its toolkit "
                  "or with pip install 'ntpgeo[cuda]'");
}

TEST_F(CudaModule, OfOtherHeadersIsRefused) {
    put_module(NTPGEO_FOREIGN_MODULE, bin_);
    expect_no_gpu("is of another build of ntpgeo than what opens it");
}

// The library has a file of its own, beside which it looks.
TEST_F(CudaModule, BesideTheLibraryIsOpenedByIt) {
    const std::string library = bin_ / "libntpgeo.so";
    fs::copy_file(NTPGEO_LIBRARY, library);
    put_module(NTPGEO_EMULATED_MODULE, bin_);
    ASSERT_NE(dlopen(NTPGEO_STUB_DRIVER, RTLD_NOW | RTLD_LOCAL), nullptr) << dlerror();
    void* const opened = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(opened, nullptr) << dlerror();
    const auto why_no_gpu = reinterpret_cast<const char* (*)()>(dlsym(opened, "ntpgeo_why_no_gpu"));
    ASSERT_NE(why_no_gpu, nullptr);
    EXPECT_STREQ(why_no_gpu(), "");
}

}  // namespace
}  // namespace ntpgeo
