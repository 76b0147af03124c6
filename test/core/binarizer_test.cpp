// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/binarizer.h"

#include <catch2/catch.hpp>

using namespace hydravp::core;

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
