// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/mram_pim/dpu.h"

#include <catch2/catch.hpp>

using namespace hydravp;
using namespace hydravp::accelerators::mram_pim;

TEST_CASE("activation scales, rounds half to even and clips") {
    core::MramLayerRegisters layer;
    layer.output_shift = 1;
    CHECK(activate(5, {1, 0}, layer) == 2);  // 2.5
    CHECK(activate(7, {1, 0}, layer) == 4);  // 3.5
    CHECK(activate(-7, {1, 0}, layer) == 0); // ReLU
    CHECK(activate(-7, {-3, 0}, layer) == 10);
    CHECK(activate(1000, {1, 0}, layer) == 255);
    layer.bias_shift = 3;
    CHECK(activate(10, {1, 2}, layer) == 13);
    CHECK(activate(10, {1, -2}, layer) == 0);
    layer.output_bytes = 2;
    CHECK(activate(10, {1, -2}, layer) == -3);
    CHECK(activate(1 << 20, {-1, 0}, layer) == -32768);
    CHECK(activate(1 << 20, {1, 0}, layer) == 32767);
}
