// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/hydra/hydra_unit.h"

#include "hydravp/core/fixed_point.h"
#include "hydravp/core/time.h"

#include "run_in_thread.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

using namespace hydravp;
using accelerators::hydra::HydraConfig;
using accelerators::hydra::HydraUnit;
using core::Picoseconds;
using core::UnitMap;

namespace {

constexpr std::uint32_t row_bytes = 1024;

/// A unit on somebody else's bus: its banks are a plain memory that answers after a fixed time.
class Bench : public sc_core::sc_module {
public:
    tlm_utils::simple_initiator_socket<Bench> bus{"bus"};
    tlm_utils::simple_target_socket<Bench> memory{"memory"};
    HydraUnit unit;
    std::vector<unsigned char> cells = std::vector<unsigned char>(1 << 20);
    Picoseconds memory_delay{0};
    std::uint64_t transfers = 0;
    bool crossed_a_row = false;

    explicit Bench(const HydraConfig& config, const sc_core::sc_module_name& name = "bench")
        : sc_core::sc_module(name), unit("unit", config, core::Unit{0}, row_bytes, true) {
        bus.bind(unit.bus);
        unit.banks.bind(memory);
        memory.register_b_transport(this, &Bench::serve);
    }

    bool write(std::uint64_t address, const void* data, std::uint32_t bytes) {
        return access(tlm::TLM_WRITE_COMMAND, address, const_cast<void*>(data), bytes);
    }
    bool read(std::uint64_t address, void* data, std::uint32_t bytes) {
        return access(tlm::TLM_READ_COMMAND, address, data, bytes);
    }
    std::uint64_t read64(std::uint64_t address) {
        std::uint64_t value = 0;
        REQUIRE(read(address, &value, 8));
        return value;
    }
    bool push_and_start(const core::UnitRegisters& registers) {
        const std::uint64_t one = 1;
        return write(UnitMap::register_block, &registers, sizeof registers) &&
               write(UnitMap::push, &one, 8) && write(UnitMap::start, &one, 8);
    }
    std::int16_t* words(std::uint64_t address) {
        return reinterpret_cast<std::int16_t*>(cells.data() + address);
    }

private:
    bool access(tlm::tlm_command command, std::uint64_t address, void* data, std::uint32_t bytes) {
        tlm::tlm_generic_payload payload;
        payload.set_command(command);
        payload.set_address(address);
        payload.set_data_ptr(static_cast<unsigned char*>(data));
        payload.set_data_length(bytes);
        payload.set_streaming_width(bytes);
        sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
        bus->b_transport(payload, delay);
        return payload.is_response_ok();
    }
    void serve(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        ++transfers;
        const std::uint64_t address = payload.get_address();
        crossed_a_row |= address / row_bytes != (address + payload.get_data_length() - 1) / row_bytes;
        if (payload.is_read()) {
            std::memcpy(payload.get_data_ptr(), cells.data() + address, payload.get_data_length());
        } else {
            std::memcpy(cells.data() + address, payload.get_data_ptr(), payload.get_data_length());
        }
        delay += core::to_sc_time(memory_delay);
        payload.set_response_status(tlm::TLM_OK_RESPONSE);
    }
};

/// A convolution whose only unit does everything, in one pass if it fits.
core::UnitRegisters convolution(std::uint32_t channels, std::uint32_t filters, std::uint32_t height,
                                std::uint32_t width, std::uint32_t kernel, std::uint32_t stride,
                                std::uint32_t pad) {
    core::UnitRegisters r;
    r.layer = 0;
    core::LayerGeometry& g = r.geometry;
    g.in_height = height;
    g.in_width = width;
    g.kernel_height = g.kernel_width = kernel;
    g.stride_height = g.stride_width = stride;
    g.pad_top = g.pad_left = pad;
    g.out_height = (height + 2 * pad - kernel) / stride + 1;
    g.out_width = (width + 2 * pad - kernel) / stride + 1;
    g.channels = channels;
    g.filters = filters;
    g.tile_positions = g.positions();
    g.filter_group = filters;
    g.channels_per_fetch = channels;
    g.reduction_chunk = std::min(channels * kernel * kernel, std::max(1U, 1024 / filters));
    r.input.channels = channels;
    r.input.height = height;
    r.input.width = width;
    r.input.plane_bytes = static_cast<std::uint32_t>(core::align_up(std::uint64_t{height} * width * 2, 8));
    return r;
}

std::int16_t any_word(std::mt19937& random) {
    switch (random() % 8) {
    case 0:
        return std::numeric_limits<std::int16_t>::min();
    case 1:
        return std::numeric_limits<std::int16_t>::max();
    default:
        return static_cast<std::int16_t>(random());
    }
}

std::int64_t input_word(Bench& bench, const core::UnitRegisters& r, std::uint32_t channel, std::int64_t y,
                        std::int64_t x) {
    return bench.words(r.input.base +
                       std::uint64_t{channel} * r.input.plane_bytes)[y * r.geometry.in_width + x];
}

/// Runs a layer with random weights through WB and OB; compares every partial sum with plain loops.
void run_and_compare(Bench& bench, const core::UnitRegisters& r, std::mt19937& random) {
    const core::LayerGeometry& g = r.geometry;
    for (std::uint32_t c = 0; c < g.channels; ++c) {
        for (std::uint32_t i = 0; i < g.in_height * g.in_width; ++i) {
            bench.words(r.input.base + std::uint64_t{c} * r.input.plane_bytes)[i] = any_word(random);
        }
    }
    const std::uint32_t seen = g.channels / g.groups; // channels by each filter
    const std::uint32_t group_filters = g.filters / g.groups;
    std::vector<std::int16_t> weights(std::size_t{g.filters} * seen * g.taps());
    std::generate(weights.begin(), weights.end(), [&] { return any_word(random); });
    const std::uint64_t macs_before = bench.read64(UnitMap::mac_count);

    REQUIRE(bench.push_and_start(r));
    const core::ConvSchedule schedule(g);
    for (std::uint32_t pass = 0; pass < schedule.passes(); ++pass) {
        for (std::uint32_t fetch = 0; fetch < schedule.fetches(); ++fetch) {
            for (std::uint32_t chunk = 0; chunk < schedule.chunks(fetch); ++chunk) {
                if (pass > 0 && !schedule.last_use(pass - 1)) {
                    continue;
                }
                const core::Range steps = schedule.chunk_steps(pass, fetch, chunk);
                std::vector<std::int16_t> words(schedule.chunk_bytes(pass, steps) / 2);
                const std::uint32_t first = schedule.filter_group_of(pass) * g.filter_group;
                const std::uint32_t count = std::min(g.filter_group, group_filters - first);
                for (std::uint32_t step = steps.begin; step < steps.end; ++step) {
                    const std::uint32_t channel = step / g.taps();
                    for (std::uint32_t f = 0; f < count; ++f) {
                        const std::uint32_t filter = channel / seen * group_filters + first + f;
                        words[(step - steps.begin) * count + f] =
                            weights[(std::size_t{filter} * seen + channel % seen) * g.taps() +
                                    step % g.taps()];
                    }
                }
                while (bench.unit.weight_space() < words.size() * 2) {
                    sc_core::wait(bench.unit.changed());
                }
                REQUIRE(bench.write(UnitMap::weight_buffer, words.data(),
                                    static_cast<std::uint32_t>(words.size() * 2)));
            }
        }
        while (bench.unit.passes_waiting() == 0) {
            sc_core::wait(bench.unit.changed());
        }
        std::vector<std::uint32_t> filters; // of all groups of the pass
        for (std::uint32_t i = 0; i < schedule.groups(core::Unit{0}, pass); ++i) {
            const core::Range of_group = schedule.filters(core::Unit{0}, pass, i);
            for (std::uint32_t f = of_group.begin; f < of_group.end; ++f) {
                filters.push_back(f);
            }
        }
        const core::Range positions = schedule.positions(core::Unit{0}, pass);
        std::vector<unsigned char> sums(filters.size() * positions.size() * r.partial_sum_bits / 8);
        REQUIRE(bench.read(UnitMap::output_buffer, sums.data(), static_cast<std::uint32_t>(sums.size())));
        REQUIRE(bench.write(UnitMap::release, sums.data(), 8));
        std::size_t at = 0;
        for (const std::uint32_t f : filters) {
            for (std::uint32_t p = positions.begin; p < positions.end; ++p) {
                std::int64_t expected = 0;
                for (std::uint32_t c = 0; c < seen; ++c) {
                    for (std::uint32_t tap = 0; tap < g.taps(); ++tap) {
                        const std::int64_t y = std::int64_t{p / g.out_width} * g.stride_height +
                                               tap / g.kernel_width * g.dilation_height -
                                               std::int64_t{g.pad_top};
                        const std::int64_t x = std::int64_t{p % g.out_width} * g.stride_width +
                                               tap % g.kernel_width * g.dilation_width -
                                               std::int64_t{g.pad_left};
                        if (y >= 0 && x >= 0 && y < g.in_height && x < g.in_width) {
                            expected += input_word(bench, r, f / group_filters * seen + c, y, x) *
                                        weights[(std::size_t{f} * seen + c) * g.taps() + tap];
                        }
                    }
                }
                expected = core::saturate(core::round_shift(expected, static_cast<int>(r.partial_sum_shift)),
                                          static_cast<int>(r.partial_sum_bits));
                std::int64_t found = 0;
                std::memcpy(&found, sums.data() + at, r.partial_sum_bits / 8);
                const unsigned unused = 64 - r.partial_sum_bits;
                found = static_cast<std::int64_t>(static_cast<std::uint64_t>(found) << unused) >> unused;
                at += r.partial_sum_bits / 8;
                REQUIRE(found == expected);
            }
        }
    }
    while (bench.unit.running()) {
        sc_core::wait(bench.unit.changed());
    }
    REQUIRE(bench.read64(UnitMap::mac_count) - macs_before ==
            std::uint64_t{g.filters} * g.positions() * seen * g.taps());
    REQUIRE(bench.unit.weight_space() == HydraConfig{}.weight_buffer.count);
}

} // namespace

TEST_CASE("one filter at 33 positions takes two lane groups, at 32 positions one") {
    Bench bench{HydraConfig{}};
    test::run_in_thread([&] {
        for (const auto& [positions, groups] : {std::pair{33U, 2}, {32U, 1}, {64U, 2}, {65U, 3}, {1U, 1}}) {
            core::UnitRegisters r = convolution(1, 1, 1, positions, 1, 1, 0);
            const Picoseconds begin = core::now();
            REQUIRE(bench.push_and_start(r));
            const std::int16_t weight[4] = {3};
            REQUIRE(bench.write(UnitMap::weight_buffer, weight, 8));
            while (bench.unit.running()) {
                sc_core::wait(bench.unit.changed());
            }
            REQUIRE(core::now() - begin == groups * 8 * Picoseconds{336});
            std::vector<unsigned char> sums(positions * 6);
            REQUIRE(bench.read(UnitMap::output_buffer, sums.data(), positions * 6));
            REQUIRE(bench.write(UnitMap::release, weight, 8));
        }
    });
}

namespace {

void check_compute_time(std::uint32_t mac_cycles, std::uint32_t port_bits, std::int64_t period,
                        std::int64_t expected_cycles) {
    HydraConfig config;
    config.mac_cycles = mac_cycles;
    config.ab_port_bits = port_bits;
    config.clock_period = Picoseconds{period};
    Bench bench{config};
    test::run_in_thread([&] {
        const core::UnitRegisters r = convolution(2, 3, 5, 5, 3, 1, 1);
        REQUIRE(bench.push_and_start(r));
        const std::vector<std::int16_t> weights(core::align_up(2 * 3 * 9, 4));
        const Picoseconds begin = core::now();
        REQUIRE(bench.write(UnitMap::weight_buffer, weights.data(),
                            static_cast<std::uint32_t>(weights.size() * 2)));
        while (bench.unit.running()) {
            sc_core::wait(bench.unit.changed());
        }
        // 3 filters x 25 positions are 3 lane groups of 18 steps.
        REQUIRE(core::now() - begin == Picoseconds{3 * 18 * expected_cycles * period});
    });
}

} // namespace

TEST_CASE("compute time: the paper's clock and MAC") {
    check_compute_time(8, 64, 336, 8);
}
TEST_CASE("compute time: a faster MAC waits for the stream buffers") {
    check_compute_time(4, 64, 336, 8);
}
TEST_CASE("compute time: a wider port keeps the faster MAC busy") {
    check_compute_time(4, 128, 626, 4);
}
TEST_CASE("compute time: a slower MAC") {
    check_compute_time(16, 64, 626, 16);
}
TEST_CASE("compute time: stream buffers that are always full") {
    check_compute_time(2, 0, 1000, 2);
}

TEST_CASE("convolutions equal plain loops bit for bit") {
    Bench bench{HydraConfig{}};
    bench.memory_delay = Picoseconds{1230};
    test::run_in_thread([&] {
        std::mt19937 random(1);
        for (int round = 0; round < 60; ++round) {
            const std::uint32_t kernel = 1 + random() % 5;
            core::UnitRegisters r =
                convolution(1 + random() % 5, 1 + random() % 9, kernel + random() % 12,
                            kernel + random() % 12, kernel, 1 + random() % 3, random() % kernel);
            core::LayerGeometry& g = r.geometry;
            g.tile_positions = 1 + random() % g.positions();
            g.filter_group = 1 + random() % g.filters;
            g.channels_per_fetch = 1 + random() % g.channels;
            g.reduction_chunk = 1 + random() % std::min(g.channels_per_fetch * g.taps(), 100U);
            r.input.base = 8 * (random() % 500);
            r.partial_sum_bits = std::vector<std::uint32_t>{16, 32, 48}[random() % 3];
            r.partial_sum_shift = r.partial_sum_bits == 48 ? 0 : random() % 20;
            CAPTURE(round);
            run_and_compare(bench, r, random);
        }
        REQUIRE_FALSE(bench.crossed_a_row);
    });
}

TEST_CASE("grouped and dilated convolutions equal plain loops bit for bit") {
    Bench bench{HydraConfig{}};
    test::run_in_thread([&] {
        std::mt19937 random(3);
        for (int round = 0; round < 60; ++round) {
            const std::uint32_t groups = 1 + random() % 6;
            const std::uint32_t kernel = 1 + random() % 4;
            core::UnitRegisters r =
                convolution(groups * (1 + random() % 3), groups * (1 + random() % 5), 12 + random() % 5,
                            10 + random() % 12, kernel, 1 + random() % 3, random() % kernel);
            core::LayerGeometry& g = r.geometry;
            g.groups = groups;
            g.dilation_height = static_cast<std::uint16_t>(1 + random() % 3);
            g.dilation_width = static_cast<std::uint16_t>(1 + random() % 3);
            const auto outputs = [&](std::uint32_t in, std::uint32_t pad, std::uint32_t dilation,
                                     std::uint32_t stride) {
                return (in + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1;
            };
            g.out_height = outputs(g.in_height, g.pad_top, g.dilation_height, g.stride_height);
            g.out_width = outputs(g.in_width, g.pad_left, g.dilation_width, g.stride_width);
            do {
                g.groups_per_pass = 1 + random() % groups;
            } while (groups % g.groups_per_pass != 0);
            g.tile_positions = 1 + random() % std::min<std::uint32_t>(g.positions(), 400 / g.groups_per_pass);
            g.filter_group = 1 + random() % (g.filters / groups);
            g.channels_per_fetch = 1 + random() % (g.groups_per_pass * (g.channels / groups));
            g.reduction_chunk = 1 + random() % std::min(g.channels_per_fetch * g.taps(), 100U);
            if (random() % 3 == 0 && g.pass_channels() * g.taps() <= 100) {
                g.order = core::LoopOrder::filters;
                g.channels_per_fetch = g.pass_channels();
                g.reduction_chunk = g.pass_channels() * g.taps();
            }
            r.partial_sum_bits = 48;
            CAPTURE(round, groups);
            run_and_compare(bench, r, random);
        }
    });
}

TEST_CASE("pooling equals plain loops and ignores the padding") {
    Bench bench{HydraConfig{}};
    test::run_in_thread([&] {
        std::mt19937 random(2);
        for (int round = 0; round < 60; ++round) {
            const std::uint32_t kernel = 1 + random() % 4;
            core::UnitRegisters r =
                convolution(1 + random() % 5, 1, kernel + random() % 12, kernel + random() % 12, kernel,
                            1 + random() % 3, random() % kernel);
            core::LayerGeometry& g = r.geometry;
            const bool maximum = random() % 2 == 0;
            r.kind = maximum ? core::LayerKind::max_pool : core::LayerKind::average_pool;
            g.filters = g.filter_group = g.channels;
            const bool whole = random() % 2 == 0;
            g.tile_positions = whole ? g.positions() : g.out_width * (1 + random() % g.out_height);
            g.channels_per_fetch = whole ? 1 + random() % g.channels : 1;
            r.output.base = 512 * 1024;
            r.output.plane_bytes =
                static_cast<std::uint32_t>(core::align_up(std::uint64_t{g.positions()} * 2, 8));
            for (std::uint32_t c = 0; c < g.channels; ++c) {
                for (std::uint32_t i = 0; i < g.in_height * g.in_width; ++i) {
                    bench.words(std::uint64_t{c} * r.input.plane_bytes)[i] = any_word(random);
                }
            }
            REQUIRE(bench.push_and_start(r));
            while (bench.unit.running()) {
                sc_core::wait(bench.unit.changed());
            }
            CAPTURE(round, maximum);
            for (std::uint32_t c = 0; c < g.channels; ++c) {
                for (std::uint32_t p = 0; p < g.positions(); ++p) {
                    std::int64_t largest = -32768;
                    std::int64_t sum = 0;
                    std::int64_t count = 0;
                    for (std::uint32_t tap = 0; tap < g.taps(); ++tap) {
                        const std::int64_t y = std::int64_t{p / g.out_width} * g.stride_height +
                                               tap / g.kernel_width - std::int64_t{g.pad_top};
                        const std::int64_t x = std::int64_t{p % g.out_width} * g.stride_width +
                                               tap % g.kernel_width - std::int64_t{g.pad_left};
                        if (y >= 0 && x >= 0 && y < g.in_height && x < g.in_width) {
                            const std::int64_t word = input_word(bench, r, c, y, x);
                            largest = std::max(largest, word);
                            sum += word;
                            ++count;
                        }
                    }
                    const std::int64_t expected = maximum ? largest
                                                          : static_cast<std::int64_t>(std::nearbyintl(
                                                                static_cast<long double>(sum) / count));
                    REQUIRE(bench.words(r.output.base + std::uint64_t{c} * r.output.plane_bytes)[p] ==
                            expected);
                }
            }
        }
    });
}

TEST_CASE("misuse of the registers and buffers is an error response, not a crash") {
    Bench bench{HydraConfig{}};
    test::run_in_thread([&] {
        const std::uint64_t one = 1;
        std::uint64_t value = 0;
        REQUIRE_FALSE(bench.write(UnitMap::start, &one, 8));          // nothing queued
        REQUIRE_FALSE(bench.read(UnitMap::output_buffer, &value, 8)); // nothing finished
        REQUIRE_FALSE(bench.write(UnitMap::release, &one, 8));
        REQUIRE_FALSE(bench.read(0x900, &value, 8)); // no such register
        REQUIRE_FALSE(bench.write(0x900, &one, 8));
        std::vector<unsigned char> block(4096 + 8);
        REQUIRE_FALSE(bench.write(UnitMap::weight_buffer, block.data(), 4096 + 8)); // larger than the WB
        REQUIRE(bench.unit.weight_space() == 4096);

        core::UnitRegisters r = convolution(1, 1, 4, 4, 1, 1, 0);
        core::UnitRegisters bad = r;
        bad.geometry.channel_split = 0;
        REQUIRE_FALSE(bench.push_and_start(bad));
        bad = r;
        bad.partial_sum_bits = 24;
        REQUIRE_FALSE(bench.push_and_start(bad));
        REQUIRE(bench.write(UnitMap::register_block, &r, sizeof r));
        REQUIRE(bench.write(UnitMap::push, &one, 8));
        REQUIRE(bench.write(UnitMap::push, &one, 8));
        REQUIRE_FALSE(bench.write(UnitMap::push, &one, 8)); // two sets at most
        REQUIRE(bench.write(UnitMap::start, &one, 8));
        REQUIRE_FALSE(bench.write(UnitMap::start, &one, 8)); // running
        REQUIRE(bench.read64(UnitMap::status) == 1);
    });
}

TEST_CASE("the double-buffered OB stalls the third pass until the first is read") {
    Bench bench{HydraConfig{}};
    test::run_in_thread([&] {
        core::UnitRegisters r = convolution(1, 3, 1, 32, 1, 1, 0);
        r.geometry.filter_group = 1; // three passes
        REQUIRE(bench.push_and_start(r));
        const std::int16_t weight[4] = {1};
        for (int pass = 0; pass < 3; ++pass) {
            REQUIRE(bench.write(UnitMap::weight_buffer, weight, 8));
        }
        sc_core::wait(1, sc_core::SC_US);
        REQUIRE(bench.unit.passes_waiting() == 2);
        REQUIRE(bench.unit.mac_count() == 2 * 32);
        std::vector<unsigned char> sums(32 * 6);
        REQUIRE(bench.read(UnitMap::output_buffer, sums.data(), 32 * 6));
        REQUIRE(bench.write(UnitMap::release, weight, 8));
        sc_core::wait(1, sc_core::SC_US);
        REQUIRE(bench.unit.mac_count() == 3 * 32);
        REQUIRE(bench.unit.passes_waiting() == 2);
    });
}
