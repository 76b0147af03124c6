// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>

namespace hydravp::core {

/// Binarisation of weights, by Angizi and Fan, equations 1 and 2; a bank's DPU has it, and networks are
/// quantised with it.

/// +1 for w >= 0, else -1.
inline std::int8_t binarize(double weight) {
    return weight >= 0 ? 1 : -1;
}

/// max(0, min(1, (x + 1) / 2)).
inline double hard_sigmoid(double x) {
    const double share = (x + 1) / 2;
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

/// +1 with probability hard_sigmoid(w), else -1. A seed fixes the sequence.
class StochasticBinarizer {
public:
    explicit StochasticBinarizer(std::uint64_t seed) : random_(seed) {}
    std::int8_t operator()(double weight) {
        // 53 random bits: a number in [0, 1)
        const double u = static_cast<double>(random_() >> 11) * 0x1p-53;
        return u < hard_sigmoid(weight) ? 1 : -1;
    }

private:
    std::mt19937_64 random_;
};

} // namespace hydravp::core
