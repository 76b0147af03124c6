// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/image_fit.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <random>

using namespace hydravp::workloads;

TEST_CASE("an image that fits stays as it is") {
    std::vector<std::uint8_t> image(28 * 28);
    std::mt19937 random(1);
    std::generate(image.begin(), image.end(), [&] { return static_cast<std::uint8_t>(random()); });
    CHECK(fit_image(image, 28, 28, {1, 28, 28}) == image);
}

TEST_CASE("28 to 40 pixels: bilinear with half-pixel centres, half up, the same in three channels") {
    std::vector<std::uint8_t> image(28 * 28);
    std::mt19937 random(2);
    std::generate(image.begin(), image.end(), [&] { return static_cast<std::uint8_t>(random()); });
    const std::vector<std::uint8_t> fitted = fit_image(image, 28, 28, {3, 40, 40});
    REQUIRE(fitted.size() == 3 * 40 * 40);
    const auto weight = [](int to, int& left, double& fraction) {
        const double source = std::max((to + 0.5) * 28 / 40 - 0.5, 0.0);
        left = static_cast<int>(source);
        fraction = source - left;
    };
    const auto pixel = [&](int y, int x) {
        return static_cast<double>(image[static_cast<std::size_t>(std::min(y, 27) * 28 + std::min(x, 27))]);
    };
    for (int y = 0; y < 40; ++y) {
        for (int x = 0; x < 40; ++x) {
            int top = 0;
            int left = 0;
            double fy = 0;
            double fx = 0;
            weight(y, top, fy);
            weight(x, left, fx);
            const double exact = (pixel(top, left) * (1 - fx) + pixel(top, left + 1) * fx) * (1 - fy) +
                                 (pixel(top + 1, left) * (1 - fx) + pixel(top + 1, left + 1) * fx) * fy;
            const std::size_t at = static_cast<std::size_t>(y * 40 + x);
            REQUIRE(std::abs(fitted[at] - exact) <= 0.5 + 1e-9);
            REQUIRE(fitted[at + 1600] == fitted[at]);
            REQUIRE(fitted[at + 3200] == fitted[at]);
        }
    }
    // exactly between two pixels: up
    CHECK(fit_image({10, 11}, 1, 2, {1, 1, 1}) == std::vector<std::uint8_t>{11});
    CHECK(fit_image({0, 0, 200, 200}, 2, 2, {1, 2, 2}) == std::vector<std::uint8_t>{0, 0, 200, 200});
}
