// The GPU as a place: its memory, its absence, and the words for either. The environment of a process that
// runs out of devices or memory is set in child processes; both the emulated device and hardware heed it.
#include <set>
#include <string>

#include "kernels/base/status.hpp"
#include "tests/child_environment.hpp"
#include "tests/cuda/cuda_fixture.hpp"

namespace ntpgeo {
namespace {

class CudaDevice : public CudaTest {
  protected:
    static constexpr std::int64_t more_than_there_is = std::int64_t{1} << 46;

    static void expect_one_line(const std::string& message) {
        EXPECT_EQ(message.find('\n'), std::string::npos) << message;
        EXPECT_FALSE(message.empty());
    }
};

TEST_F(CudaDevice, CallsItselfCuda) {
    EXPECT_EQ(gpu().device(), "cuda");
    EXPECT_TRUE(cuda_availability().why_none.empty());
}

TEST_F(CudaDevice, UploadWaitsForWhatWasQueuedBefore) {
    const std::vector<double> first = random(4099), second = random(4099);
    const Guarded x(gpu(), Real::fp64, first), y = Guarded::poisoned(gpu(), Real::fp64, 4099);
    gpu().copy(x.vector(), y.vector());
    gpu().upload(second.data(), x.vector().data, 4099 * 8);
    EXPECT_TRUE(same_bits(y.read(), first));
    EXPECT_TRUE(same_bits(x.read(), second));
}

// Events have a time once they are reached, which `measured` waits for.
TEST_F(CudaDevice, RegionsAreMeasuredWithTheWorkThatIsStillQueued) {
    const Guarded x(gpu(), Real::fp64, random(4099)), y = Guarded::poisoned(gpu(), Real::fp64, 4099);
    gpu().measure(true);
    {
        const InRegion whole(gpu(), Region::step);
        const InRegion part(gpu(), Region::product);
        gpu().copy(x.vector(), y.vector());
    }
    const std::vector<RegionTime> times = gpu().measured();
    const RegionTime &step = times.at(static_cast<std::size_t>(Region::step)),
                     &product = times.at(static_cast<std::size_t>(Region::product));
    EXPECT_EQ(step.calls, 1);
    EXPECT_EQ(product.calls, 1);
    EXPECT_GE(product.seconds, 0);
    EXPECT_GE(step.seconds, product.seconds);
    gpu().measure(false);
    EXPECT_EQ(gpu().measured().at(static_cast<std::size_t>(Region::step)).calls, 0);
}

TEST_F(CudaDevice, MemoryMayBeReleasedWhileItsUseIsQueued) {
    const std::vector<double> values = random(4099);
    const Guarded y = Guarded::poisoned(gpu(), Real::fp64, 4099);
    {
        const Guarded x(gpu(), Real::fp64, values);
        gpu().copy(x.vector(), y.vector());
    }
    EXPECT_TRUE(same_bits(y.read(), values));
}

TEST_F(CudaDevice, SaysHowMuchMemoryWasAskedForAndWhatIsFree) {
    try {
        gpu().allocate(more_than_there_is);
        FAIL() << "no GPU has 64 TiB";
    } catch (const OutOfDeviceMemory& error) {
        const std::string message = error.what();
        expect_one_line(message);
        EXPECT_NE(message.find(std::to_string(more_than_there_is) + " bytes asked for"), std::string::npos)
            << message;
        EXPECT_NE(message.find("free"), std::string::npos) << message;
    }
    // It goes on working.
    const Guarded x(gpu(), Real::fp64, {1, 2, 3});
    EXPECT_EQ(gpu().dot(x.vector(), x.vector()), 14);
}

// The process may be somebody else's: what would change the arithmetic is the host's to refuse.
TEST_F(CudaDevice, LeavesTheEnvironmentAlone) {
    for (const char* const name : {"NVIDIA_TF32_OVERRIDE", "CUBLAS_EMULATE_DOUBLE_PRECISION"}) {
        const Variable set(name, "1");
        make_cuda_backend(0);
        EXPECT_STREQ(std::getenv(name), "1") << name;
    }
}

TEST_F(CudaDevice, AnIndexThatIsNotThereIsAnInputError) {
    for (const int index : {cuda_availability().devices, -1}) try {
            make_cuda_backend(index);
            FAIL() << "GPU " << index;
        } catch (const InputError& error) {
            expect_one_line(error.what());
            EXPECT_NE(std::string(error.what()).find("no GPU " + std::to_string(index)), std::string::npos)
                << error.what();
        }
}

TEST_F(CudaDevice, HasAPlaceOfItsOwnOnTheBus) {
    std::set<std::string> places;
    const int devices = cuda_availability().devices;
    for (int index = 0; index < devices; ++index) places.insert(cuda_place(index));
    EXPECT_EQ(std::ssize(places), devices);
    EXPECT_FALSE(places.contains(""));
    EXPECT_THROW(static_cast<void>(cuda_place(devices)), InputError);
}

[[noreturn]] void find_no_device() {
    const CudaAvailability cuda = cuda_availability();
    if (cuda.devices != 0 || cuda.why_none.empty() || cuda.why_none.ends_with('.')) finish(1, cuda.why_none);
    try {
        make_cuda_backend(0);
    } catch (const InputError& error) {
        finish(7, error.what());
    }
    finish(1, "a backend without a device");
}

// Takes all memory in pieces of 256 MiB, gives it back, and takes one again.
[[noreturn]] void run_out_of_memory() {
    constexpr std::int64_t piece = std::int64_t{256} << 20;
    const auto backend = make_cuda_backend(0);
    std::vector<Array> pieces;
    try {
        for (;;) pieces.emplace_back(*backend, piece);
    } catch (const OutOfDeviceMemory& error) {
        pieces.clear();
        const Array again(*backend, std::int64_t{1} << 20);
        finish(8, error.what());
    }
}

TEST(CudaDeviceDeathTest, NoDevice) {  // this one holds on a machine without a GPU as well
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const Variable emulated("EMULATED_DEVICE_COUNT", "0"), visible("CUDA_VISIBLE_DEVICES", "-1");
    EXPECT_EXIT(find_no_device(), testing::ExitedWithCode(7), "no GPU can be used: ");
}

TEST(CudaDeviceDeathTest, OutOfMemory) {
    const CudaAvailability cuda = cuda_availability();
    if (cuda.devices == 0) GTEST_SKIP() << "no GPU to test on: " << cuda.why_none;
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const Variable emulated("EMULATED_DEVICE_MEMORY", "67108864");
    EXPECT_EXIT(run_out_of_memory(), testing::ExitedWithCode(8),
                "out of GPU memory: 268435456 bytes asked for, [0-9]* of [0-9]* free");
}

}  // namespace
}  // namespace ntpgeo
