// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/mram_pim/layer_engine.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

using namespace hydravp;
using namespace hydravp::accelerators::mram_pim;
using core::MramLayerKind;
using core::MramLayerRegisters;

namespace {

MramPimConfig small_bank(SenseAmplifierKind kind, std::uint32_t compute = 64) {
    MramPimConfig config;
    config.sense_amplifier = kind;
    config.sense_current_scale = kind == SenseAmplifierKind::sa2 ? 1.44 : 1;
    config.tensor_subarrays = 64;
    config.subarrays = compute + config.tensor_subarrays;
    config.technology.sense_time = core::Picoseconds{1418};
    config.technology.write_time = core::Picoseconds{1586};
    config.technology.htree_read = core::Picoseconds{21380};
    config.technology.htree_write = core::Picoseconds{10910};
    config.technology.sense_amplifier = {0.104};
    config.technology.bit_line = {0.029};
    config.technology.cell_write = {0.115};
    config.technology.htree_transfer = {3900};
    config.technology.cell.resistance_area = {10.58};
    config.technology.cell.tmr = 1.712;
    config.technology.cell.mtj_length = {60};
    config.technology.cell.mtj_width = {40};
    return config;
}

/// A layer with its tensors, and what it must give, computed without rows and bit planes.
struct Example {
    MramLayerRegisters layer;
    std::vector<std::uint8_t> input;
    std::vector<std::int8_t> weights; ///< [filter][term]
    std::vector<FilterParameters> parameters;

    void place(std::uint64_t base) {
        layer.input = base;
        layer.weights = base + 0x40000;
        layer.parameters = base + 0x80000;
        layer.output = base + 0xA0000;
    }

    void write(memory::MramStorage& storage) const {
        storage.write(layer.input, input.data(), input.size());
        const std::size_t terms = layer.terms();
        if (layer.layer_kind() == MramLayerKind::and_count) {
            storage.write(layer.weights, reinterpret_cast<const unsigned char*>(weights.data()),
                          weights.size());
        } else {
            const std::size_t words = (layer.out_channels + 63) / 64;
            std::vector<unsigned char> packed(terms * words * 8);
            for (std::size_t t = 0; t < terms; ++t) {
                for (std::size_t f = 0; f < layer.out_channels; ++f) {
                    if (weights[f * terms + t] < 0) {
                        packed[t * words * 8 + f / 8] |= static_cast<unsigned char>(1U << f % 8);
                    }
                }
            }
            storage.write(layer.weights, packed.data(), packed.size());
        }
        storage.write(layer.parameters, reinterpret_cast<const unsigned char*>(parameters.data()),
                      parameters.size() * sizeof(FilterParameters));
    }

    std::vector<std::int32_t> expected() const {
        std::vector<std::int32_t> result;
        for (std::uint32_t image = 0; image < layer.batch; ++image) {
            for (std::uint32_t f = 0; f < layer.out_channels; ++f) {
                for (std::uint32_t oy = 0; oy < layer.out_height; ++oy) {
                    for (std::uint32_t ox = 0; ox < layer.out_width; ++ox) {
                        result.push_back(one(image, f, oy, ox));
                    }
                }
            }
        }
        return result;
    }

    std::int32_t one(std::uint32_t image, std::uint32_t f, std::uint32_t oy, std::uint32_t ox) const {
        double sum = 0;
        std::size_t weight = f * layer.terms();
        for (std::uint32_t c = 0; c < layer.in_channels; ++c) {
            for (std::uint32_t ky = 0; ky < layer.kernel_height; ++ky) {
                for (std::uint32_t kx = 0; kx < layer.kernel_width; ++kx, ++weight) {
                    const int y =
                        static_cast<int>(oy * layer.stride_height + ky) - static_cast<int>(layer.pad_top);
                    const int x =
                        static_cast<int>(ox * layer.stride_width + kx) - static_cast<int>(layer.pad_left);
                    if (y >= 0 && x >= 0 && y < static_cast<int>(layer.in_height) &&
                        x < static_cast<int>(layer.in_width)) {
                        const std::size_t place =
                            (std::size_t{image} * layer.in_channels + c) * layer.in_height +
                            static_cast<std::size_t>(y);
                        sum += weights[weight] * input[place * layer.in_width + static_cast<std::size_t>(x)];
                    }
                }
            }
        }
        const double scaled =
            (sum * parameters[f].scale + std::ldexp(parameters[f].bias, static_cast<int>(layer.bias_shift))) /
            std::ldexp(1, static_cast<int>(layer.output_shift));
        const double value = std::nearbyint(scaled); // half to even
        return static_cast<std::int32_t>(layer.output_bytes == 1 ? std::clamp(value, 0.0, 255.0)
                                                                 : std::clamp(value, -32768.0, 32767.0));
    }
};

std::vector<std::int32_t> outputs_of(const memory::MramStorage& storage, const MramLayerRegisters& layer) {
    std::vector<unsigned char> bytes(layer.outputs() * layer.batch * layer.output_bytes);
    storage.read(layer.output, bytes.data(), bytes.size());
    std::vector<std::int32_t> result(layer.outputs() * layer.batch);
    for (std::size_t i = 0; i < result.size(); ++i) {
        result[i] =
            layer.output_bytes == 1
                ? bytes[i]
                : static_cast<std::int16_t>(bytes[2 * i] | static_cast<unsigned>(bytes[2 * i + 1]) << 8);
    }
    return result;
}

Example random_example(MramLayerKind kind, std::mt19937& random) {
    const auto pick = [&random](std::uint32_t low, std::uint32_t high) {
        return low + static_cast<std::uint32_t>(random() % (high - low + 1));
    };
    Example e;
    MramLayerRegisters& l = e.layer;
    l.kind = static_cast<std::uint32_t>(kind);
    l.batch = pick(1, 3);
    l.in_channels = pick(1, 20);
    l.in_height = pick(3, 9);
    l.in_width = pick(3, 9);
    l.kernel_height = pick(1, 3);
    l.kernel_width = pick(1, 3);
    l.stride_height = pick(1, 2);
    l.stride_width = pick(1, 2);
    l.pad_top = pick(0, l.kernel_height - 1);
    l.pad_left = pick(0, l.kernel_width - 1);
    const std::uint32_t filters[] = {1, 3, 10, 16, 31, 32, 33, 64, 70, 100, 128};
    l.out_channels = filters[random() % 11];
    l.out_height = (l.in_height + l.pad_top - l.kernel_height) / l.stride_height + 1;
    l.out_width = (l.in_width + l.pad_left - l.kernel_width) / l.stride_width + 1;
    l.output_bytes = pick(1, 2);
    l.bias_shift = pick(0, 8);
    l.output_shift = pick(4, 16);
    e.input.resize(l.input_words() * l.batch);
    std::generate(e.input.begin(), e.input.end(), [&] { return static_cast<std::uint8_t>(random()); });
    e.weights.resize(l.terms() * l.out_channels);
    std::generate(e.weights.begin(), e.weights.end(), [&]() -> std::int8_t {
        return kind == MramLayerKind::add_tree ? (random() % 2 == 0 ? 1 : -1)
                                               : static_cast<std::int8_t>(random());
    });
    e.parameters.resize(l.out_channels);
    for (FilterParameters& p : e.parameters) {
        p = {static_cast<std::int16_t>(random()), static_cast<std::int16_t>(random())};
    }
    if (kind == MramLayerKind::add_tree) {
        const auto terms = static_cast<std::uint32_t>(l.terms());
        l.chunks = pick((terms + 26) / 27, std::min(terms, (terms + 26) / 27 + 10));
    } else {
        const std::uint64_t windows = 512 / ((l.terms() + 63) / 64 * 64);
        const std::uint64_t groups = (l.positions() * l.batch + windows - 1) / windows;
        l.sets = pick(1, static_cast<std::uint32_t>(std::min<std::uint64_t>(groups, 3)));
    }
    return e;
}

MramEvents computed(const LayerActivity& activity) {
    return activity.add + activity.count;
}

} // namespace

TEST_CASE("random layers are computed bit by bit as by plain arithmetic, in both modes") {
    const SenseAmplifierKind kind = GENERATE(SenseAmplifierKind::sa1, SenseAmplifierKind::sa2);
    std::mt19937 random(17);
    for (int round = 0; round < 50; ++round) {
        const MramLayerKind layer_kind = round % 2 == 0 ? MramLayerKind::add_tree : MramLayerKind::and_count;
        Example e = random_example(layer_kind, random);
        CAPTURE(round, e.layer.out_channels, e.layer.chunks, e.layer.batch);
        const MramPimConfig config = small_bank(kind);
        memory::MramStorage storage(config.subarrays);
        LayerEngine engine(config, storage);
        e.place(engine.tensor_base());
        e.write(storage);
        const LayerActivity activity = engine.execute(e.layer);
        const std::vector<std::int32_t> expected = e.expected();
        REQUIRE(outputs_of(storage, e.layer) == expected);
        CHECK(activity.total_energy().pj > 0);
        CHECK(activity.time() == activity.plan.times.total());

        if (round % 5 == 0) { // row operation by row operation: the same cells, the same events
            memory::MramStorage stepped(config.subarrays);
            LayerEngine slow(config, stepped);
            slow.set_mode(ExecutionMode::step);
            e.write(stepped);
            const LayerActivity same = slow.execute(e.layer);
            REQUIRE(outputs_of(stepped, e.layer) == expected);
            for (std::uint32_t i = 0; i < config.subarrays; ++i) {
                REQUIRE(storage.subarray(i).row == stepped.subarray(i).row);
            }
            const MramEvents counted = slow.take_stepped_events();
            CHECK(counted == computed(activity));
            CHECK(counted == computed(same));
            CHECK(activity.total_energy().pj == same.total_energy().pj);
        }
    }
}

TEST_CASE("a window of more than 512 terms is cut into slices") {
    std::mt19937 random(3);
    Example e = random_example(MramLayerKind::and_count, random);
    MramLayerRegisters& l = e.layer;
    l.in_channels = 150;
    l.in_height = l.in_width = l.kernel_height = l.kernel_width = 3;
    l.pad_top = l.pad_left = 0;
    l.out_height = l.out_width = 1;
    l.out_channels = 40;
    l.batch = 2;
    l.sets = 1;
    l.output_shift = 12;
    e.input.resize(l.input_words() * l.batch);
    std::generate(e.input.begin(), e.input.end(), [&] { return static_cast<std::uint8_t>(random()); });
    e.weights.resize(l.terms() * l.out_channels);
    std::generate(e.weights.begin(), e.weights.end(), [&] { return static_cast<std::int8_t>(random()); });
    e.parameters.resize(l.out_channels, {77, -5});
    const MramPimConfig config = small_bank(SenseAmplifierKind::sa1);
    memory::MramStorage storage(config.subarrays);
    LayerEngine engine(config, storage);
    e.place(engine.tensor_base());
    e.write(storage);
    CHECK(engine.execute(e.layer).plan.slices == 3);
    CHECK(outputs_of(storage, l) == e.expected());
}

TEST_CASE("a layer with more outputs than fit takes rounds") {
    std::mt19937 random(8);
    Example e = random_example(MramLayerKind::add_tree, random);
    const MramPimConfig roomy = small_bank(SenseAmplifierKind::sa2, 1024);
    const MramPimConfig tight = small_bank(SenseAmplifierKind::sa2, e.layer.chunks * 2);
    for (const MramPimConfig& config : {roomy, tight}) {
        memory::MramStorage storage(config.subarrays);
        LayerEngine engine(config, storage);
        e.place(engine.tensor_base());
        e.write(storage);
        const LayerActivity activity = engine.execute(e.layer);
        CHECK(outputs_of(storage, e.layer) == e.expected());
        CHECK(activity.plan.rounds() ==
              (activity.plan.groups + activity.plan.groups_per_round - 1) / activity.plan.groups_per_round);
    }
}

TEST_CASE("pooling rounds half to even and counts what is inside") {
    const MramPimConfig config = small_bank(SenseAmplifierKind::sa1);
    memory::MramStorage storage(config.subarrays);
    LayerEngine engine(config, storage);
    MramLayerRegisters l;
    l.in_channels = l.out_channels = 1;
    l.in_height = l.in_width = 3;
    l.kernel_height = l.kernel_width = l.stride_height = l.stride_width = 2;
    l.out_height = l.out_width = 2;
    l.batch = 1;
    l.input = engine.tensor_base();
    l.output = engine.tensor_base() + 1000;
    const std::vector<std::uint8_t> input{1, 2, 250, 3, 4, 255, 7, 8, 9};
    storage.write(l.input, input.data(), input.size());
    l.kind = static_cast<std::uint32_t>(MramLayerKind::max_pool);
    CHECK(engine.execute(l).plan.pooled_inputs == 16);
    CHECK(outputs_of(storage, l) == std::vector<std::int32_t>{4, 255, 8, 9});
    l.kind = static_cast<std::uint32_t>(MramLayerKind::average_pool);
    engine.execute(l);
    // 10/4 = 2.5 -> 2, 505/2 = 252.5 -> 252, 15/2 = 7.5 -> 8
    CHECK(outputs_of(storage, l) == std::vector<std::int32_t>{2, 252, 8, 9});
}

TEST_CASE("layers that the bank cannot execute are refused") {
    std::mt19937 random(5);
    const MramPimConfig config = small_bank(SenseAmplifierKind::sa1);
    memory::MramStorage storage(config.subarrays);
    LayerEngine engine(config, storage);
    Example e = random_example(MramLayerKind::add_tree, random);
    e.place(engine.tensor_base());
    const auto refused = [&](auto change, const char* why) {
        MramLayerRegisters layer = e.layer;
        change(layer);
        CHECK_THROWS_WITH(engine.execute(layer), Catch::Contains(why));
    };
    refused([](auto& l) { l.kind = 9; }, "found layer kind 9");
    refused([](auto& l) { l.chunks = 0; }, "sub-arrays, expected at most 27 in each");
    refused([](auto& l) { l.in_channels = 16384; }, "expected it between");
    refused([](auto& l) { l.input = 0; }, "found inputs of");
    refused([&](auto& l) { l.output = storage.size() - 1; }, "found outputs of");
    refused([](auto& l) { l.output = ~std::uint64_t{0} - 5; }, "found outputs of");
    refused([](auto& l) { l.batch = 0; }, "found a side of 0");
    refused([](auto& l) { l.output_bytes = 3; }, "found 3 bytes per output");
    refused([](auto& l) { l.pad_top = l.kernel_height; }, "padding as wide as the kernel");
    e.layer.in_channels = 200;
    e.layer.kernel_height = e.layer.kernel_width = 1;
    e.layer.pad_top = e.layer.pad_left = 0;
    refused([](auto& l) { l.chunks = 100; }, "needs 100 sub-arrays at a time, expected at most 64");
    refused([](auto& l) { l.chunks = 4; }, "found 200 operands of 9 bits in 4 sub-arrays");
}

TEST_CASE("failing sense amplifiers change results in proportion, and none fail by default") {
    std::mt19937 random(21);
    Example e = random_example(MramLayerKind::add_tree, random);
    e.layer.out_channels = 64;
    e.weights.assign(e.layer.terms() * 64, 1);
    e.parameters.assign(64, {256, 0});
    const SenseAmplifierKind kind = GENERATE(SenseAmplifierKind::sa1, SenseAmplifierKind::sa2);
    const MramPimConfig config = small_bank(kind);
    const auto wrong = [&](double sigma) {
        memory::SenseVariation variation;
        variation.sigma_ra = sigma;
        variation.sigma_tmr = 0.05;
        SenseErrors errors(memory::SenseMargins(config.technology.cell, variation), kind, 4);
        memory::MramStorage storage(config.subarrays);
        LayerEngine engine(config, storage);
        e.place(engine.tensor_base());
        e.write(storage);
        engine.set_errors(&errors);
        engine.execute(e.layer);
        const auto found = outputs_of(storage, e.layer);
        const auto expected = e.expected();
        std::size_t different = 0;
        for (std::size_t i = 0; i < found.size(); ++i) {
            different += found[i] == expected[i] ? 0 : 1;
        }
        CHECK((errors.failures() == 0) == (different == 0));
        return static_cast<double>(different) / static_cast<double>(found.size());
    };
    CHECK(wrong(0.02) == 0);
    const double some = wrong(0.07);
    const double many = wrong(0.12);
    CHECK(some > 0);
    CHECK(many > some);
}
