// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/mram_area.h"

#include <catch2/catch.hpp>

using namespace hydravp;
using namespace hydravp::memory;

TEST_CASE("the area overhead is the paper's, and consists of its three parts") {
    const MramAreaModel model;
    const core::Area die{326};
    CHECK(added_transistors(model, SenseAmplifierKind::sa1) == 12 + 3 * 2 + 10 + 2 * 8);
    CHECK(added_transistors(model, SenseAmplifierKind::sa2) == 2 * 12 + 5 * 2 + 10 + 4 + 13);
    const MramAreaOverhead sa1 = area_overhead(model, SenseAmplifierKind::sa1, 4096);
    const MramAreaOverhead sa2 = area_overhead(model, SenseAmplifierKind::sa2, 4096);
    CHECK(sa1.share_of(die) == Approx(0.058).margin(0.0005));
    CHECK(sa2.share_of(die) == Approx(0.079).margin(0.0005));
    CHECK(sa1.sense_amplifiers.mm2 == Approx(4096 * 512 * 44 * 0.1988e-6));
    CHECK(sa1.row_decoder.mm2 == Approx(4096 * 256 * 2 * 0.1988e-6));
    CHECK(sa2.control.mm2 == Approx(4096 * 6 * 6 * 0.1988e-6));
    CHECK(sa1.row_decoder.mm2 == sa2.row_decoder.mm2);
    CHECK(area_overhead(model, SenseAmplifierKind::sa1, 8192).total().mm2 == Approx(2 * sa1.total().mm2));
}
