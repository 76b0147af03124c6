// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/image_fit.h"

#include <algorithm>
#include <cstddef>

namespace hydravp::workloads {
namespace {

/// Where an output pixel lies between two input pixels: left + fraction / denominator.
struct Place {
    std::size_t left, right;
    std::int64_t fraction, denominator;
};

/// (to + 1/2) * in / out - 1/2, in halves of an output pixel, clipped to the image.
Place place(std::uint32_t to, std::uint32_t in, std::uint32_t out) {
    const std::int64_t denominator = 2 * std::int64_t{out};
    const std::int64_t numerator =
        std::max<std::int64_t>((2 * std::int64_t{to} + 1) * in - std::int64_t{out}, 0);
    const std::int64_t last = std::int64_t{in} - 1;
    const std::int64_t left = std::min(numerator / denominator, last);
    return {static_cast<std::size_t>(left), static_cast<std::size_t>(std::min(left + 1, last)),
            numerator - left * denominator, denominator};
}

} // namespace

std::vector<std::uint8_t> fit_image(const std::vector<std::uint8_t>& pixels, std::uint32_t rows,
                                    std::uint32_t columns, const core::TensorShape& input) {
    std::vector<std::uint8_t> result;
    result.reserve(input.words());
    for (std::uint32_t row = 0; row < input.height; ++row) {
        const Place y = place(row, rows, input.height);
        for (std::uint32_t column = 0; column < input.width; ++column) {
            const Place x = place(column, columns, input.width);
            const auto line = [&](std::size_t r) {
                return pixels[r * columns + x.left] * (x.denominator - x.fraction) +
                       pixels[r * columns + x.right] * x.fraction;
            };
            const std::int64_t sum = line(y.left) * (y.denominator - y.fraction) + line(y.right) * y.fraction;
            const std::int64_t scale = x.denominator * y.denominator;
            result.push_back(static_cast<std::uint8_t>((2 * sum + scale) / (2 * scale))); // half up
        }
    }
    const std::size_t plane = result.size();
    for (std::uint32_t channel = 1; channel < input.channels; ++channel) {
        for (std::size_t i = 0; i < plane; ++i) {
            result.push_back(result[i]);
        }
    }
    return result;
}

} // namespace hydravp::workloads
