// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/hydra/mac_kernel.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace hydravp::accelerators::hydra;

namespace {

constexpr std::int16_t lowest = std::numeric_limits<std::int16_t>::min();
constexpr std::int16_t highest = std::numeric_limits<std::int16_t>::max();

/// Operands of one call. Every row is its own exact allocation, so that AddressSanitizer sees a
/// read past its end; the accumulators have guard words between rows.
class Operands {
public:
    static constexpr std::size_t scalar_gap = 3;
    static constexpr std::size_t acc_gap = 2;

    template <class Vector, class Scalar>
    Operands(std::size_t depth, std::size_t scalar_count, std::size_t vector_length, Vector vector,
             Scalar scalar)
        : depth_(depth),
          scalar_count_(scalar_count),
          vector_length_(vector_length),
          scalars_(depth * scalar_stride(), lowest),
          acc_(scalar_count * acc_stride(), 1000),
          expected_(acc_) {
        for (std::size_t k = 0; k < depth; ++k) {
            storage_.push_back(std::make_unique<std::int16_t[]>(vector_length));
            rows_.push_back(storage_.back().get());
            for (std::size_t n = 0; n < vector_length; ++n) {
                storage_.back()[n] = vector();
            }
            for (std::size_t m = 0; m < scalar_count; ++m) {
                scalars_[k * scalar_stride() + m] = scalar();
            }
        }
    }

    void accumulate(MacScratch& scratch) {
        multiply_accumulate(rows_.data(), scalars_.data(), scalar_stride(), depth_, scalar_count_,
                            vector_length_, acc_.data(), acc_stride(), scratch);
    }

    void accumulate_expected() {
        for (std::size_t m = 0; m < scalar_count_; ++m) {
            for (std::size_t n = 0; n < vector_length_; ++n) {
                for (std::size_t k = 0; k < depth_; ++k) {
                    expected_[m * acc_stride() + n] +=
                        std::int64_t{scalars_[k * scalar_stride() + m]} * rows_[k][n];
                }
            }
        }
    }

    bool agrees() const { return acc_ == expected_; }
    void reset() { acc_.assign(acc_.size(), 1000); }

private:
    std::size_t scalar_stride() const { return scalar_count_ + scalar_gap; }
    std::size_t acc_stride() const { return vector_length_ + acc_gap; }

    std::size_t depth_, scalar_count_, vector_length_;
    std::vector<std::unique_ptr<std::int16_t[]>> storage_;
    std::vector<const std::int16_t*> rows_;
    std::vector<std::int16_t> scalars_;
    std::vector<std::int64_t> acc_, expected_;
};

/// Words in [-magnitude, magnitude], -32768 included for 32768.
class Uniform {
public:
    Uniform(std::mt19937& random, int magnitude)
        : random_(random), distribution_(-magnitude, std::min<int>(magnitude, highest)) {}
    std::int16_t operator()() { return static_cast<std::int16_t>(distribution_(random_)); }

private:
    std::mt19937& random_;
    std::uniform_int_distribution<int> distribution_;
};

void require_exact_on_every_target(Operands& operands) {
    operands.accumulate_expected();
    MacScratch scratch;
    for (const std::string& target : mac_kernel_targets()) {
        INFO("target " << target);
        select_mac_kernel_target(target);
        operands.reset();
        operands.accumulate(scratch);
        REQUIRE(operands.agrees());
    }
    select_mac_kernel_target("");
}

} // namespace

TEST_CASE("MAC kernel: every vector length and small scalar count") {
    std::mt19937 random(1);
    for (std::size_t vector_length = 1; vector_length <= 70; ++vector_length) {
        const std::size_t scalar_count = 1 + vector_length % 9;
        const std::size_t depth = 1 + random() % 40;
        for (const int magnitude : {100, 32768}) {
            CAPTURE(vector_length, scalar_count, depth, magnitude);
            Operands operands(depth, scalar_count, vector_length, Uniform(random, 32768),
                              Uniform(random, magnitude));
            require_exact_on_every_target(operands);
        }
    }
}

TEST_CASE("MAC kernel: random shapes and magnitudes") {
    std::mt19937 random(2);
    for (int round = 0; round < 120; ++round) {
        const std::size_t depth = 1 + random() % 600;
        const std::size_t scalar_count = 1 + random() % 9;
        const std::size_t vector_length = 1 + random() % 70;
        const int vector_magnitude = 1 << random() % 16;
        const int scalar_magnitude = 1 << random() % 16;
        CAPTURE(depth, scalar_count, vector_length, vector_magnitude, scalar_magnitude);
        Operands operands(depth, scalar_count, vector_length, Uniform(random, vector_magnitude),
                          Uniform(random, scalar_magnitude));
        require_exact_on_every_target(operands);
    }
}

TEST_CASE("MAC kernel: shapes of real layers") {
    struct Shape {
        std::size_t depth, scalar_count, vector_length;
    };
    const auto [depth, scalar_count, vector_length] =
        GENERATE(Shape{27, 64, 224}, Shape{1152, 8, 196}, Shape{4096, 1, 100}, Shape{9, 128, 1500});
    std::mt19937 random(3);
    CAPTURE(depth, scalar_count, vector_length);
    Operands operands(depth, scalar_count, vector_length, Uniform(random, 32768), Uniform(random, 3000));
    require_exact_on_every_target(operands);
}

TEST_CASE("MAC kernel: extreme operands do not overflow") {
    const auto extremes = {lowest,
                           std::int16_t{lowest + 1},
                           std::int16_t{-129},
                           std::int16_t{-128},
                           std::int16_t{127},
                           std::int16_t{128},
                           std::int16_t{32639},
                           std::int16_t{32640},
                           highest};
    for (const std::int16_t vector : extremes) {
        for (const std::int16_t scalar : extremes) {
            // The depths around one and two chunks of 255 pairs.
            for (const std::size_t depth : {1, 2, 7, 509, 510, 511, 512, 1020, 1021}) {
                CAPTURE(vector, scalar, depth);
                Operands operands(
                    depth, 3, 19, [&] { return vector; }, [&] { return scalar; });
                require_exact_on_every_target(operands);
            }
        }
    }
}

TEST_CASE("MAC kernel: mixed extremes") {
    std::mt19937 random(4);
    for (const std::size_t depth : {5, 64, 255, 510, 600}) {
        const auto extreme = [&] { return random() % 2 ? lowest : highest; };
        const auto rare = [&] { return random() % 50 ? std::int16_t{1} : lowest; };
        CAPTURE(depth);
        Operands both(depth, 5, 45, extreme, extreme);
        require_exact_on_every_target(both);
        Operands rare_scalars(depth, 5, 45, extreme, rare);
        require_exact_on_every_target(rare_scalars);
        Operands rare_vectors(depth, 5, 45, rare, extreme);
        require_exact_on_every_target(rare_vectors);
    }
}

TEST_CASE("MAC kernel: blocks at the limit of int32") {
    // vector * scalar * depth on both sides of 2^31: a single block, two, and the change to split.
    for (const int scalar : {1023, 1024, 1025, 2047, 2048, 4095, 4096, 8191, 8192, 16384}) {
        for (const std::size_t depth : {8, 15, 16, 17, 32, 63, 64, 65, 66}) {
            for (const int sign : {-1, 1}) {
                CAPTURE(scalar, depth, sign);
                Operands operands(
                    depth, 4, 33, [] { return lowest; },
                    [&] { return static_cast<std::int16_t>(sign * scalar); });
                require_exact_on_every_target(operands);
            }
        }
    }
}

TEST_CASE("MAC kernel: accumulators continue across calls with one scratch") {
    std::mt19937 random(5);
    MacScratch scratch;
    Operands large(301, 7, 67, Uniform(random, 32768), Uniform(random, 32768));
    Operands small(10, 2, 5, Uniform(random, 32768), Uniform(random, 50));
    for (int call = 0; call < 5; ++call) {
        large.accumulate(scratch);
        large.accumulate_expected();
        small.accumulate(scratch);
        small.accumulate_expected();
        REQUIRE(large.agrees());
        REQUIRE(small.agrees());
    }
}

TEST_CASE("MAC kernel: the scratch stops growing after the first call") {
    std::mt19937 random(6);
    MacScratch scratch;
    Operands operands(300, 8, 100, Uniform(random, 32768), Uniform(random, 32768));
    operands.accumulate(scratch);
    const void* const before[] = {scratch.vectors.data(), scratch.scalars.data(),
                                  scratch.split_scalars.data(), scratch.pair_magnitude.data()};
    Operands narrower(299, 8, 90, Uniform(random, 100), Uniform(random, 100));
    narrower.accumulate(scratch);
    operands.accumulate(scratch);
    const void* const after[] = {scratch.vectors.data(), scratch.scalars.data(), scratch.split_scalars.data(),
                                 scratch.pair_magnitude.data()};
    REQUIRE(std::equal(std::begin(before), std::end(before), std::begin(after)));
}

TEST_CASE("MAC kernel: empty shapes leave the accumulators alone") {
    MacScratch scratch;
    std::int64_t acc = 42;
    const std::int16_t word = 7;
    const std::int16_t* const rows[] = {&word};
    multiply_accumulate(rows, &word, 1, 0, 1, 1, &acc, 1, scratch);
    multiply_accumulate(rows, &word, 1, 1, 0, 1, &acc, 1, scratch);
    multiply_accumulate(rows, &word, 1, 1, 1, 0, &acc, 1, scratch);
    REQUIRE(acc == 42);
    multiply_accumulate(rows, &word, 1, 1, 1, 1, &acc, 1, scratch);
    REQUIRE(acc == 42 + 49);
}

TEST_CASE("MAC kernel: targets are selected by name") {
    REQUIRE_FALSE(mac_kernel_targets().empty());
    REQUIRE_THROWS_AS(select_mac_kernel_target("PDP-11"), std::invalid_argument);
    REQUIRE_NOTHROW(select_mac_kernel_target(mac_kernel_targets().back()));
    REQUIRE_NOTHROW(select_mac_kernel_target(""));
}
