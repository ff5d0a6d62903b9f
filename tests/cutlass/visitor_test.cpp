// The fused product's epilogue, run on the emulated device with CUTLASS's own layouts: each thread takes the
// accumulators that the tensor cores would leave it and passes them through the visitors in the order in
// which the collective epilogue does. What is not run is the tensor cores' product and the copies to memory.
#include "tests/cutlass/cutlass_on_host.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <type_traits>
#include <vector>

#include "kernels/anchored_xent/epilogue_gemm.cuh"
#include "kernels/device/device.cuh"
#include "kernels/device/runtime.cuh"

namespace ntpgeo::anchored_xent::cuda {

using Operand = fused::Operand;

template <class Form>
struct VisitArguments {
    typename Form::Visitor::Params visitor;
    const float* logits;    // [rows, columns]
    Operand* exponentials;  // [rows, columns]
    int rows, columns;

    __device__ float logit_at(int row, int column) const {
        return row < rows ? logits[std::int64_t{row} * columns + column] : 0.0F;
    }
};

/// What a thread has of a tile, by either architecture's collective epilogue: `copy` brings its accumulators
/// into registers, a subtile (m, n) of them at a time, which stand for `copy_places`. `accumulators(m, n)`
/// are those, in the visitors' pieces. Follows store().
template <bool refers_to_source, class Form, class Mma, class Copy, class Places, class CopyPlaces,
          class AccumulatorsOf>
__device__ void visit_tile(const VisitArguments<Form>& a, const Mma& mma, const Copy& copy,
                           const Places& places, const CopyPlaces& copy_places,
                           const AccumulatorsOf& accumulators) {
    using namespace cute;
    using Tile = typename Form::Tile;
    using Epilogue = typename Form::Epilogue;
    using EpilogueTile = typename Epilogue::EpilogueTile;
    const auto tile = make_coord(static_cast<int>(blockIdx.x), static_cast<int>(blockIdx.y), 0, 0);
    const auto problem = make_shape(a.rows, a.columns, 64, 1);
    const auto subtile = make_layout(take<0, 3>(shape(copy_places)));
    auto source = make_tensor<float>(subtile);
    auto results = make_tensor<Operand>(subtile);
    auto result_pieces =
        recast<cutlass::Array<Operand, Epilogue::DispatchPolicy::FragmentSize>>(coalesce(results));

    typename Form::Visitor::SharedStorage shared;
    typename Form::Visitor visitor(a.visitor, shared);
    auto callbacks = visitor.template get_consumer_store_callbacks<refers_to_source>(
        cutlass::epilogue::fusion::detail::ConsumerStoreArgs(
            problem, Tile{}, tile, mma, EpilogueTile{}, copy, make_coord_tensor(places.layout()),
            make_coord(a.rows, a.columns) - places(_0{}), make_coord_tensor(copy_places.layout()),
            make_coord(a.rows, a.columns) - copy_places(_0{}), source, static_cast<int>(threadIdx.x)));
    const auto synchronise = [] { __syncthreads(); };

    callbacks.begin();
    const int steps_m = size<3>(copy_places), steps_n = size<4>(copy_places);
    for (int n = 0; n < steps_n; ++n)
        for (int m = 0; m < steps_m; ++m) {
            callbacks.begin_loop(m, n);
            callbacks.previsit(m, n, 0, false);
            const auto own = accumulators(m, n);
            for (int v = 0; v < size(result_pieces); ++v) result_pieces(v) = callbacks.visit(own(v), v, m, n);
            callbacks.reduce(results, synchronise, m, n, m + 1 == steps_m && n + 1 == steps_n, result_pieces);
            const auto at = copy_places(_, _, _, m, n);
            for (int i = 0; i < size(results); ++i) {
                const int row = get<0>(at(i)), column = get<1>(at(i));
                if (row < a.rows) a.exponentials[std::int64_t{row} * a.columns + column] = results(i);
            }
            callbacks.postreduce(m, n, 0, true);
            callbacks.end_loop(m, n);
        }
    callbacks.end();
}

/// Where the block's tile lies in the matrix.
template <class Form>
__device__ auto places_of_block(const VisitArguments<Form>& a) {
    using namespace cute;
    return local_tile(make_identity_tensor(make_shape(a.rows, a.columns)), take<0, 2>(typename Form::Tile{}),
                      make_coord(static_cast<int>(blockIdx.x), static_cast<int>(blockIdx.y)));
}

/// A block a tile, a thread one of those of the warp groups that work at it.
template <class Form>
__global__ void visit_hopper_kernel(VisitArguments<Form> a) {
    using namespace cute;
    using Tile = typename Form::Tile;
    using Epilogue = typename Form::Epilogue;
    using EpilogueTile = typename Epilogue::EpilogueTile;
    const int thread = static_cast<int>(threadIdx.x);
    const auto places = places_of_block(a);
    // Each accumulator's place in the matrix is the tensor cores' own.
    typename Form::Mainloop::TiledMma mma;
    const auto mma_places = mma.get_slice(thread).partition_C(places);
    auto accumulators = partition_fragment_C(mma, take<0, 2>(Tile{}));
    for (int i = 0; i < size(accumulators); ++i)
        accumulators(i) = a.logit_at(get<0>(mma_places(i)), get<1>(mma_places(i)));

    const auto copy_atom = make_tiled_copy_C_atom(typename Epilogue::CopyAtomC{}, mma);
    const auto to_shared = make_tiled_copy_S(Copy_Atom<typename Epilogue::CopyOpR2S, Operand>{}, copy_atom);
    const auto mine = to_shared.get_slice(thread);
    const auto accumulators_of_copy = mine.retile_S(accumulators);
    const auto copy_places = mine.partition_S(flat_divide(places, EpilogueTile{}));
    constexpr int piece = Epilogue::DispatchPolicy::FragmentSize;
    const auto pieces = recast<cutlass::Array<float, piece>>(accumulators_of_copy);
    const int accumulator_rows = size<0>(Tile{}) / size<1>(accumulators_of_copy);
    const int accumulator_columns = size<1>(Tile{}) / size<2>(accumulators_of_copy);
    static_assert(size<1>(EpilogueTile{}) <= 128);
    ASSERT_EQ(accumulator_rows, int(size<0>(EpilogueTile{})));
    const int steps_in_accumulator = accumulator_columns / int(size<1>(EpilogueTile{}));
    const int pieces_of_subtile = size(take<0, 3>(shape(copy_places))) / piece;
    visit_tile<true>(a, mma, to_shared, places, copy_places, [&](int m, int n) {
        const int first = n % steps_in_accumulator * pieces_of_subtile;
        return [own = pieces(_, m, n / steps_in_accumulator), first](int v) { return own(first + v); };
    });
}

/// The same by the four warps that read the memory of the accumulators, whose rows are the tile's.
template <class Form>
__global__ void visit_blackwell_kernel(VisitArguments<Form> a) {
    using namespace cute;
    using Tile = typename Form::Tile;
    using Epilogue = typename Form::Epilogue;
    using EpilogueTile = typename Epilogue::EpilogueTile;
    const auto places = places_of_block(a);
    typename Form::Mainloop::TiledMma mma;
    const auto accumulators = partition_fragment_C(mma, take<0, 2>(Tile{}));
    const auto subtiles = flat_divide(accumulators(make_coord(_, _), _0{}, _0{}), EpilogueTile{});
    const auto to_registers = make_tmem_copy(typename Epilogue::CopyOpT2R{}, subtiles(_, _, _0{}, _0{}));
    const auto copy_places = to_registers.get_slice(static_cast<int>(threadIdx.x))
                                 .partition_D(flat_divide(places, EpilogueTile{}));
    auto own = make_tensor<float>(make_layout(take<0, 3>(shape(copy_places))));
    auto pieces = recast<cutlass::Array<float, Epilogue::DispatchPolicy::FragmentSize>>(coalesce(own));
    visit_tile<false>(a, mma, to_registers, places, copy_places, [&](int m, int n) {
        const auto at = copy_places(_, _, _, m, n);
        for (int i = 0; i < size(own); ++i) own(i) = a.logit_at(get<0>(at(i)), get<1>(at(i)));
        return [&](int v) { return pieces(v); };
    });
}

namespace {

template <class T>
device::DeviceArray<T> on_device(const std::vector<T>& host) {
    device::DeviceArray<T> array(static_cast<std::int64_t>(host.size()));
    NTPGEO_CHECK(cudaMemcpy(array.data(), host.data(), host.size() * sizeof(T), cudaMemcpyHostToDevice));
    return array;
}
template <class T>
std::vector<T> on_host(const device::DeviceArray<T>& array) {
    std::vector<T> host(static_cast<std::size_t>(array.size()));
    NTPGEO_CHECK(cudaMemcpy(host.data(), array.data(), host.size() * sizeof(T), cudaMemcpyDeviceToHost));
    return host;
}

unsigned bits(__nv_bfloat16 value) {
    std::uint16_t pattern;
    std::memcpy(&pattern, &value, 2);
    return pattern;
}

/// `rows` contexts times three tiles of words.
template <int index, class Architecture>
void expect_the_twins_numbers(std::int64_t rows, unsigned seed) {
    using Form = fused::Form<index, Architecture>;
    constexpr std::int64_t words_of_tile = Form::tile.words, tiles = 3, columns = tiles * words_of_tile,
                           dim = 8;
    SCOPED_TRACE(testing::Message() << "tile " << index << ", rows " << rows);
    const device::Device gpu(0);
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, 1.5F);
    const auto numbers = [&](std::int64_t size) {
        std::vector<__nv_bfloat16> values(static_cast<std::size_t>(size));
        for (auto& value : values) value = __float2bfloat16_rn(normal(random));
        return values;
    };
    const std::vector<__nv_bfloat16> contexts = numbers(rows * dim), words = numbers(columns * dim);
    std::vector<float> anchors(static_cast<std::size_t>(rows)),
        logits(static_cast<std::size_t>(rows * columns));
    for (float& anchor : anchors) anchor = 8 * normal(random);
    for (std::int64_t b = 0; b < rows; ++b)
        for (std::int64_t v = 0; v < columns; ++v)
            for (std::int64_t k = 0; k < dim; ++k)  // in the twin's order
                logits[b * columns + v] =
                    std::fmaf(__bfloat162float(words[v * dim + k]), __bfloat162float(contexts[b * dim + k]),
                              logits[b * columns + v]);

    const auto device_contexts = on_device(contexts), device_words = on_device(words);
    const auto device_anchors = on_device(anchors), device_logits = on_device(logits);
    const device::DeviceArray<__nv_bfloat16> exponentials(rows * columns), twin_exponentials(rows * columns);
    const device::DeviceArray<float> partials(tiles * partials_stride(rows)),
        twin_partials(tiles * partials_stride(rows));
    EpilogueProduct product{device_contexts.data(),
                            device_words.data(),
                            device_anchors.data(),
                            exponentials.data(),
                            partials.data(),
                            rows,
                            columns,
                            dim,
                            gpu.multiprocessors(),
                            index};
    const VisitArguments<Form> arguments{
        Form::Visitor::to_underlying_arguments(cute::make_shape(int(rows), int(columns), int(dim), 1),
                                               Form::visitor_arguments(product), nullptr),
        device_logits.data(), reinterpret_cast<Operand*>(exponentials.data()), int(rows), int(columns)};
    // A cluster is two tiles of contexts: the second may lie outside altogether.
    const auto blocks = static_cast<unsigned>((rows + 255) / 256 * 2);
    if constexpr (std::is_same_v<Architecture, fused::Hopper>) {
        constexpr auto threads = static_cast<unsigned>(cute::size(typename Form::Mainloop::TiledMma{}));
        NTPGEO_CHECK(launch(visit_hopper_kernel<Form>, dim3(blocks, tiles), dim3(threads), 0, gpu.stream(),
                            arguments));
    } else {
        constexpr auto threads = static_cast<unsigned>(Form::Epilogue::ThreadCount);
        NTPGEO_CHECK(launch(visit_blackwell_kernel<Form>, dim3(blocks, tiles), dim3(threads), 0, gpu.stream(),
                            arguments));
    }
    product.exponentials = twin_exponentials.data();
    product.partials = twin_partials.data();
    epilogue_product(product, gpu.stream());
    gpu.synchronise();

    const auto actual = on_host(exponentials), expected = on_host(twin_exponentials);
    const auto sums = on_host(partials), twin_sums = on_host(twin_partials);
    std::int64_t different = 0;
    for (std::int64_t i = 0; i < rows * columns; ++i) {
        different += bits(actual[i]) != bits(expected[i]);
        // The definition, with nothing of ours: rounding to bf16 is 2^-9, the exponent's is 2^-19 here.
        const double exponent = logits[i] * 1.4426950408889634 - anchors[i / columns];
        ASSERT_NEAR(__bfloat162float(actual[i]) / std::exp2(exponent), 1, 0x1p-8) << i;
    }
    EXPECT_EQ(different, 0);
    // What rounding takes where one thread adds up a whole row of the tile, as it does on Blackwell; a number
    // that is left out takes a hundred times as much.
    const double rounding = words_of_tile * 0x1p-24;
    for (std::int64_t t = 0; t < tiles; ++t)
        for (std::int64_t b = 0; b < rows; ++b) {
            double sum = 0;
            for (std::int64_t v = 0; v < words_of_tile; ++v)
                sum += __bfloat162float(actual[b * columns + t * words_of_tile + v]);
            const std::int64_t at = t * partials_stride(rows) + b;
            ASSERT_NEAR(sums[at] / sum, 1, rounding) << t << ' ' << b;
            ASSERT_NEAR(twin_sums[at] / sum, 1, rounding) << t << ' ' << b;
        }
}

template <int index, class Architecture>
void expect_the_twins_numbers_at_every_edge() {
    expect_the_twins_numbers<index, Architecture>(256, 5);
    expect_the_twins_numbers<index, Architecture>(200, 6);
    expect_the_twins_numbers<index, Architecture>(100, 7);
    expect_the_twins_numbers<index, Architecture>(257, 8);
    expect_the_twins_numbers<index, Architecture>(1, 9);
}

TEST(EpilogueVisitor, MakesTheTwinsExponentialsAndSumsOnHopper) {
    expect_the_twins_numbers_at_every_edge<0, fused::Hopper>();
    expect_the_twins_numbers_at_every_edge<1, fused::Hopper>();
    expect_the_twins_numbers_at_every_edge<2, fused::Hopper>();
}

TEST(EpilogueVisitor, MakesTheTwinsExponentialsAndSumsOnBlackwell) {
    expect_the_twins_numbers_at_every_edge<0, fused::Blackwell>();
    expect_the_twins_numbers_at_every_edge<2, fused::Blackwell>();
}

TEST(EpilogueProduct, RefusesWhatTheCopyEngineWouldMisread) {
    alignas(16) float memory[8]{};
    auto* const operands = reinterpret_cast<__nv_bfloat16*>(memory);
    const EpilogueProduct right{operands, operands, memory, operands, memory, 3, 128, 8, 1, 0};
    EXPECT_NO_THROW(check_epilogue_product(right));
    const auto refuses = [&](auto change) {
        EpilogueProduct wrong = right;
        change(wrong);
        EXPECT_THROW(check_epilogue_product(wrong), Failure);
    };
    refuses([](EpilogueProduct& p) { p.rows = 0; });
    refuses([](EpilogueProduct& p) { p.dim = 12; });
    refuses([](EpilogueProduct& p) { p.columns = 136; });
    refuses([](EpilogueProduct& p) { p.tile = 2; });  // of 256 words
    refuses([](EpilogueProduct& p) { p.rows = std::int64_t{1} << 31; });
    refuses([](EpilogueProduct& p) { ++p.contexts; });
    refuses([](EpilogueProduct& p) { ++p.words; });
    refuses([](EpilogueProduct& p) { ++p.log2_anchors; });
    refuses([](EpilogueProduct& p) { ++p.exponentials; });
    refuses([](EpilogueProduct& p) { p.partials = nullptr; });
}

}  // namespace
}  // namespace ntpgeo::anchored_xent::cuda
