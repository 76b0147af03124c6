// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hydravp::accelerators::hydra {

/// Working memory of `multiply_accumulate`. Keep one per caller: its buffers grow to the largest
/// operands seen, so that later calls allocate nothing. The contents mean nothing between calls.
struct MacScratch {
    /// One cache line of int16 pairs, each packed into an int32: row k low, row k + 1 high.
    struct alignas(64) Line {
        std::array<std::int32_t, 16> pairs;
    };

    std::vector<Line> vectors;                ///< one panel of vector positions, pair by pair
    std::vector<std::int32_t> scalars;        ///< scalar pairs, in tiles of output rows
    std::vector<std::int32_t> split_scalars;  ///< the same as low and high parts
    std::vector<std::int32_t> pair_magnitude; ///< per pair, max over m of |scalar k| + |scalar k+1|
};

/// Accumulates the products of `depth` vectors and scalars, as the MAC array broadcasts them:
///
///     acc[m * acc_stride + n] += sum over k of scalars[k * scalar_stride + m] * vector_rows[k][n]
///
/// for m in [0, scalar_count), n in [0, vector_length) and k in [0, depth). Exact for every int16
/// operand. Reads `vector_length` words of each row and not one more; operands and accumulators
/// need no alignment and must not overlap.
///
/// A convolution passes activations as vectors and weights as scalars; a fully connected layer the
/// other way round.
void multiply_accumulate(const std::int16_t* const* vector_rows, const std::int16_t* scalars,
                         std::size_t scalar_stride, std::size_t depth, std::size_t scalar_count,
                         std::size_t vector_length, std::int64_t* acc, std::size_t acc_stride,
                         MacScratch& scratch);

/// The instruction sets that the kernel was compiled for and this machine can run, best first.
std::vector<std::string> mac_kernel_targets();

/// Makes the whole process use one of `mac_kernel_targets()`, or the best one again if `name` is
/// empty: for tests and benchmarks. Throws std::invalid_argument for any other name.
void select_mac_kernel_target(std::string_view name);

} // namespace hydravp::accelerators::hydra
