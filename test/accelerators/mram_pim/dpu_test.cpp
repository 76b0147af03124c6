// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/mram_pim/dpu.h"

#include <catch2/catch.hpp>

using namespace hydravp;
using namespace hydravp::accelerators::mram_pim;

TEST_CASE("the binarizer takes the sign, or draws it with the hard sigmoid") {
    CHECK(binarize(0.0) == 1);
    CHECK(binarize(1e-300) == 1);
    CHECK(binarize(-1e-300) == -1);
    CHECK(hard_sigmoid(-2) == 0);
    CHECK(hard_sigmoid(-1) == 0);
    CHECK(hard_sigmoid(0) == 0.5);
    CHECK(hard_sigmoid(0.5) == 0.75);
    CHECK(hard_sigmoid(1) == 1);
    CHECK(hard_sigmoid(7) == 1);
    for (const double weight : {-1.0, -0.6, 0.0, 0.3, 1.0}) {
        StochasticBinarizer draw(5);
        int positive = 0;
        constexpr int draws = 20000;
        for (int i = 0; i < draws; ++i) {
            positive += draw(weight) == 1 ? 1 : 0;
        }
        CHECK(positive / double{draws} == Approx(hard_sigmoid(weight)).margin(0.015));
    }
    StochasticBinarizer one(9);
    StochasticBinarizer two(9);
    for (int i = 0; i < 100; ++i) {
        REQUIRE(one(0.1) == two(0.1));
    }
}

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
