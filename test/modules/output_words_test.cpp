// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/output_words.h"

#include "hydravp/core/fixed_point.h"
#include "hydravp/core/partial_sums.h"

#include "instruction_sets.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <random>
#include <vector>

using namespace hydravp;
using namespace hydravp::modules;

namespace {

/// The definition, in 128 bits and without a shift: floor of the quotient, and up if more than a half remains
/// or a half and the floor is odd.
__extension__ typedef __int128 Wide;

std::int16_t by_definition(const core::LayerRegisters& layer, Wide value) {
    if (value < 0 &&
        (layer.activation == core::Activation::relu || layer.activation == core::Activation::relu6)) {
        return 0;
    }
    int shift = layer.output_shift;
    if (value < 0 && layer.activation == core::Activation::leaky_relu) {
        const Wide bottom = -(Wide{1} << (core::slope_operand_bits - 1));
        value = (value < bottom ? bottom : value) * layer.negative_slope;
        shift += core::slope_fraction;
    }
    Wide result = 0;
    if (shift <= 0) {
        result = value * (Wide{1} << -shift);
    } else {
        const Wide divisor = Wide{1} << shift;
        result = value / divisor;
        Wide rest = value % divisor;
        if (rest < 0) {
            rest += divisor;
            --result;
        }
        if (2 * rest > divisor || (2 * rest == divisor && result % 2 != 0)) {
            ++result;
        }
    }
    const Wide ceiling = layer.output_ceiling;
    return static_cast<std::int16_t>(result < -32768 ? Wide{-32768} : result > ceiling ? ceiling : result);
}

} // namespace

TEST_CASE("output words are what the definition says, for every activation and instruction set") {
    std::mt19937_64 random(1);
    test::for_each_instruction_set([&](const std::string& target) {
        for (unsigned i = 0; i < 2000; ++i) {
            core::LayerRegisters layer;
            layer.activation = static_cast<core::Activation>(random() % 4);
            layer.output_shift = static_cast<std::int32_t>(random() % 34) - 3;
            layer.output_ceiling = layer.activation == core::Activation::relu6
                                       ? static_cast<std::int32_t>(random() % 32768)
                                       : 32767;
            layer.negative_slope = static_cast<std::uint32_t>(random() % 65536);
            const auto sum_shift = static_cast<std::uint32_t>(random() % 4);
            const auto bias = static_cast<std::int64_t>(random()) >> (24 + random() % 40);
            std::vector<std::int64_t> sums(random() % 40);
            for (std::int64_t& sum : sums) { // near the bounds of a word, and beyond; many exact halves
                sum = static_cast<std::int64_t>(random()) >> (20 + random() % 44);
                if (random() % 2 == 0 && layer.output_shift > 0) {
                    sum = (sum | (std::int64_t{1} << layer.output_shift >> 1)) &
                          -(std::int64_t{1} << layer.output_shift >> 1);
                }
            }
            std::vector<std::int16_t> words(sums.size() + 1, 12345), expected = words;
            for (std::size_t k = 0; k < sums.size(); ++k) {
                expected[k] = by_definition(layer, Wide{sums[k]} * (1 << sum_shift) + bias);
            }
            output_words(layer, sums.data(), sums.size(), sum_shift, bias, words.data());
            CAPTURE(target, i, static_cast<int>(layer.activation), layer.output_shift, sum_shift, bias);
            REQUIRE(words == expected);
        }
    });
}

TEST_CASE("sums over units are those of their words") {
    std::mt19937_64 random(2);
    test::for_each_instruction_set([&](const std::string& target) {
        for (const std::uint32_t bits : {16U, 32U, 48U}) {
            for (unsigned i = 0; i < 200; ++i) {
                const std::size_t units = random() % 18;
                const std::size_t count = random() % 50;
                std::vector<std::vector<unsigned char>> packed(units);
                std::vector<const unsigned char*> from;
                std::vector<std::int64_t> expected(count, 0);
                for (std::vector<unsigned char>& words : packed) {
                    std::vector<std::int64_t> values(count);
                    for (std::int64_t& value : values) {
                        value = static_cast<std::int64_t>(random()) >> (64 - bits);
                    }
                    words.resize(count * bits / 8 + 8);
                    core::pack_partial_sums(values.data(), count, bits, 0, words.data());
                    words.resize(count * bits / 8);
                    words.shrink_to_fit(); // a sanitizer sees who reads beyond
                    from.push_back(words.data());
                    for (std::size_t k = 0; k < count; ++k) {
                        expected[k] += values[k];
                    }
                }
                std::vector<std::int64_t> sums(count, -1);
                sum_over_units(from.data(), units, count, bits, sums.data());
                CAPTURE(target, bits, i, units);
                REQUIRE(sums == expected);
            }
        }
    });
}
