// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/hydra/pass_sums.h"

#include "hydravp/accelerators/hydra/mac_kernel.h"
#include "hydravp/core/partial_sums.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

using namespace hydravp;
using namespace hydravp::accelerators::hydra;

TEST_CASE("a pass is packed without its gaps, word by word as single sums are") {
    std::mt19937_64 random(1);
    for (const std::string& target : mac_kernel_targets()) {
        select_mac_kernel_target(target);
        for (const std::uint32_t bits : {16U, 32U, 48U}) {
            for (unsigned i = 0; i < 100; ++i) {
                PassLayout layout;
                layout.filters = 1 + random() % 4;
                layout.columns = 1 + random() % 40;
                layout.pitch = layout.columns + random() % 5;
                layout.first_column = random() % layout.columns;
                layout.positions = 1 + random() % 100;
                layout.filter_distance = layout.length() + random() % 9;
                const auto shift = static_cast<std::uint32_t>(random() % 46);
                std::vector<std::int64_t> sums(layout.filters * layout.filter_distance + pack_margin_sums);
                for (std::int64_t& sum : sums) {
                    sum = static_cast<std::int64_t>(random()) >> (2 + random() % 60);
                }
                std::vector<std::int64_t> list;
                for (std::uint32_t filter = 0; filter < layout.filters; ++filter) {
                    for (std::uint32_t p = 0; p < layout.positions; ++p) {
                        const std::uint32_t column = layout.first_column + p;
                        list.push_back(sums[filter * layout.filter_distance +
                                            std::size_t{column / layout.columns} * layout.pitch +
                                            column % layout.columns - layout.first_column]);
                    }
                }
                REQUIRE(list.size() == layout.outputs());
                const std::size_t bytes = list.size() * bits / 8;
                std::vector<unsigned char> packed(bytes + pack_margin_sums * bits / 8 + 8);
                std::vector<unsigned char> expected(bytes + 8);
                pack_sums(sums.data(), layout, bits, shift, packed.data());
                core::pack_partial_sums(list.data(), list.size(), bits, shift, expected.data());
                packed.resize(bytes);
                expected.resize(bytes);
                CAPTURE(target, bits, shift, i);
                REQUIRE(packed == expected);
            }
        }
    }
    select_mac_kernel_target("");
}
