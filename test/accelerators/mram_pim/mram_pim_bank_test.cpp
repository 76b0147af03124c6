// SPDX-License-Identifier: Apache-2.0
#include "hydravp/accelerators/mram_pim/mram_pim_bank.h"

#include "hydravp/core/payload_pool.h"
#include "hydravp/core/protocol_checker.h"
#include "hydravp/core/time.h"
#include "hydravp/core/vcd_writer.h"

#include "at_initiator.h"
#include "program.h"
#include "run_in_thread.h"
#include "vcd_reader.h"

#include <catch2/catch.hpp>
#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

using namespace hydravp;
using namespace hydravp::accelerators::mram_pim;
using core::MramLayerKind;
using core::MramLayerRegisters;
using core::MramMap;
using core::Picoseconds;

namespace {

constexpr std::uint64_t base = std::uint64_t{1} << 32;

MramPimConfig small_bank(SenseAmplifierKind kind = SenseAmplifierKind::sa1) {
    MramPimConfig config;
    config.sense_amplifier = kind;
    config.subarrays = 128;
    config.tensor_subarrays = 64;
    config.ports = 4;
    config.technology.sense_time = Picoseconds{1418};
    config.technology.write_time = Picoseconds{1586};
    config.technology.htree_read = Picoseconds{21380};
    config.technology.htree_write = Picoseconds{10910};
    config.technology.sense_amplifier = {0.104};
    config.technology.bit_line = {0.029};
    config.technology.cell_write = {0.115};
    config.technology.htree_transfer = {3900};
    return config;
}

/// A bank, a blocking and an AT initiator.
class Fixture : public sc_core::sc_module {
public:
    MramPimBank bank;
    tlm_utils::simple_initiator_socket<Fixture> bus{"bus"};
    sc_core::sc_signal<bool> interrupt{"interrupt"};

    explicit Fixture(const MramPimConfig& config = small_bank(), const sc_core::sc_module_name& name = "top")
        : sc_core::sc_module(name), bank("bank", config, base) {
        bus.bind(bank.front);
        bank.interrupt(interrupt);
    }

    tlm::tlm_response_status access(tlm::tlm_command command, std::uint64_t address, void* data,
                                    std::uint32_t bytes) {
        core::PooledPayload payload(payloads_);
        payload->set_command(command);
        payload->set_address(address);
        payload->set_data_ptr(static_cast<unsigned char*>(data));
        payload->set_data_length(bytes);
        payload->set_streaming_width(bytes);
        delay = sc_core::SC_ZERO_TIME;
        bus->b_transport(*payload, delay);
        if (delay != sc_core::SC_ZERO_TIME) {
            wait(delay);
        }
        return payload->get_response_status();
    }
    tlm::tlm_response_status write(std::uint64_t address, const void* data, std::uint32_t bytes) {
        return access(tlm::TLM_WRITE_COMMAND, address, const_cast<void*>(data), bytes);
    }
    tlm::tlm_response_status read(std::uint64_t address, void* data, std::uint32_t bytes) {
        return access(tlm::TLM_READ_COMMAND, address, data, bytes);
    }
    tlm::tlm_response_status write64(std::uint64_t reg, std::uint64_t value) {
        return write(bank.register_base() + reg, &value, 8);
    }
    std::uint64_t read64(std::uint64_t reg) {
        std::uint64_t value = 0;
        REQUIRE(read(bank.register_base() + reg, &value, 8) == tlm::TLM_OK_RESPONSE);
        return value;
    }
    void wait_interrupt() {
        while (!interrupt.read()) {
            wait(interrupt.value_changed_event());
        }
    }

    sc_core::sc_time delay;

private:
    core::PayloadPool payloads_;
};

/// 100 terms, 64 filters, 4 positions: all weights +1, so that an output is the sum of its window.
MramLayerRegisters sum_layer(const MramPimBank& bank) {
    MramLayerRegisters layer;
    layer.kind = static_cast<std::uint32_t>(MramLayerKind::add_tree);
    layer.in_channels = 100;
    layer.in_height = layer.out_height = 2;
    layer.in_width = layer.out_width = 2;
    layer.out_channels = 64;
    layer.output_bytes = 2;
    layer.chunks = 5;
    layer.input = bank.tensor_address();
    layer.weights = bank.tensor_address() + 0x1000;
    layer.parameters = bank.tensor_address() + 0x2000;
    layer.output = bank.tensor_address() + 0x3000;
    return layer;
}

std::vector<std::uint8_t> load_sum_layer(Fixture& top, const MramLayerRegisters& layer) {
    std::vector<std::uint8_t> input(400);
    for (std::size_t i = 0; i < input.size(); ++i) {
        input[i] = static_cast<std::uint8_t>(i * 7);
    }
    const std::vector<FilterParameters> parameters(64, {1, 0});
    CHECK(top.write(layer.input, input.data(), 400) == tlm::TLM_OK_RESPONSE);
    CHECK(top.write(layer.parameters, parameters.data(), 256) == tlm::TLM_OK_RESPONSE);
    return input;
}

int sum_at(const std::vector<std::uint8_t>& input, std::size_t position) {
    int sum = 0;
    for (std::size_t channel = 0; channel < 100; ++channel) {
        sum += input[channel * 4 + position];
    }
    return sum;
}

} // namespace

TEST_CASE("a bank is ordinary memory, at the same latency loosely and approximately timed") {
    Fixture top;
    test::run_in_thread([&] {
        std::mt19937 random(2);
        std::vector<unsigned char> golden(top.bank.memory_bytes());
        for (int i = 0; i < 300; ++i) {
            const std::uint64_t address = random() % golden.size();
            const auto bytes = static_cast<std::uint32_t>(
                std::min<std::uint64_t>(1 + random() % 300, golden.size() - address));
            std::vector<unsigned char> data(bytes);
            const std::uint64_t rows = (address + bytes - 1) / 64 - address / 64 + 1;
            if (i % 2 == 0) {
                std::generate(data.begin(), data.end(), [&] { return static_cast<unsigned char>(random()); });
                REQUIRE(top.write(base + address, data.data(), bytes) == tlm::TLM_OK_RESPONSE);
                std::copy(data.begin(), data.end(), golden.begin() + static_cast<std::ptrdiff_t>(address));
                CHECK(core::from_sc_time(top.delay).count() ==
                      1586 * static_cast<std::int64_t>(rows) + 10910);
            } else {
                REQUIRE(top.read(base + address, data.data(), bytes) == tlm::TLM_OK_RESPONSE);
                REQUIRE(std::equal(data.begin(), data.end(),
                                   golden.begin() + static_cast<std::ptrdiff_t>(address)));
                CHECK(core::from_sc_time(top.delay).count() ==
                      1418 * static_cast<std::int64_t>(rows) + 21380);
            }
        }
    });
}

TEST_CASE("approximately timed accesses follow the base protocol and take the same time") {
    MramPimBank bank("bank", small_bank(), base);
    sc_core::sc_signal<bool> interrupt("interrupt");
    bank.interrupt(interrupt);
    test::AtInitiator initiator("initiator");
    initiator.socket.bind(bank.front);
    test::run_in_thread([&] {
        unsigned char data[128] = {1, 2, 3};
        auto& write = initiator.access(tlm::TLM_WRITE_COMMAND, base + 64, data, 128);
        initiator.wait_for(write);
        CHECK(write.payload->is_response_ok());
        CHECK(write.end() == Picoseconds{2 * 1586 + 10910});
        unsigned char back[64] = {};
        auto& read = initiator.access(tlm::TLM_READ_COMMAND, base + 64, back, 64);
        initiator.wait_for(read);
        CHECK(read.end() == Picoseconds{1418 + 21380});
        CHECK(back[2] == 3);
        // Two at the same time through one port: the second waits for the first one's row.
        auto& first = initiator.access(tlm::TLM_READ_COMMAND, base, back, 64);
        auto& second = initiator.access(tlm::TLM_READ_COMMAND, base + 64, back, 64);
        initiator.wait_for(first);
        initiator.wait_for(second);
        CHECK(second.end() == Picoseconds{2 * 1418 + 21380});
        // Through two ports they do not.
        auto& third = initiator.access(tlm::TLM_READ_COMMAND, base, back, 64);
        auto& fourth = initiator.access(tlm::TLM_READ_COMMAND, base + bank.memory_bytes() / 2, back, 64);
        initiator.wait_for(third);
        initiator.wait_for(fourth);
        CHECK(fourth.end() == Picoseconds{1418 + 21380});
        auto& wrong = initiator.access(tlm::TLM_READ_COMMAND, base - 64, back, 64);
        initiator.wait_for(wrong);
        CHECK(wrong.payload->get_response_status() == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        CHECK(wrong.completed_early);
    });
}

TEST_CASE("bad accesses get error responses") {
    Fixture top;
    test::run_in_thread([&] {
        std::uint64_t value = 0;
        const std::uint64_t end = base + top.bank.memory_bytes();
        CHECK(top.read(base - 8, &value, 8) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        CHECK(top.read(end - 4, &value, 8) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        CHECK(top.read(~std::uint64_t{0} - 3, &value, 8) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        CHECK(top.read(base, nullptr, 8) == tlm::TLM_GENERIC_ERROR_RESPONSE);
        CHECK(top.read(base, &value, 0) == tlm::TLM_BURST_ERROR_RESPONSE);
        const std::uint64_t registers = top.bank.register_base();
        CHECK(registers == end);
        CHECK(top.read(registers + MramMap::status, &value, 4) == tlm::TLM_BURST_ERROR_RESPONSE);
        CHECK(top.read(registers + MramMap::status + 1, &value, 8) == tlm::TLM_BURST_ERROR_RESPONSE);
        CHECK(top.write(registers + MramMap::status, &value, 8) == tlm::TLM_COMMAND_ERROR_RESPONSE);
        CHECK(top.read(registers + MramMap::go, &value, 8) == tlm::TLM_COMMAND_ERROR_RESPONSE);
        CHECK(top.read(registers + 0x900, &value, 8) == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        CHECK(top.write(registers + 2, &value, 4) == tlm::TLM_BURST_ERROR_RESPONSE);
        CHECK(top.bank.rejected_accesses() == 11);
        CHECK(top.delay == sc_core::SC_ZERO_TIME);
    });
}

TEST_CASE("byte enables and streaming widths are honoured") {
    Fixture top;
    test::run_in_thread([&] {
        core::PayloadPool pool;
        core::PooledPayload payload(pool);
        unsigned char data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
        unsigned char enables[2] = {0xFF, 0};
        payload->set_command(tlm::TLM_WRITE_COMMAND);
        payload->set_address(base + 100);
        payload->set_data_ptr(data);
        payload->set_data_length(8);
        payload->set_streaming_width(4);
        payload->set_byte_enable_ptr(enables);
        payload->set_byte_enable_length(2);
        sc_core::sc_time delay;
        top.bus->b_transport(*payload, delay);
        CHECK(payload->is_response_ok());
        payload->set_byte_enable_ptr(nullptr);
        payload->set_byte_enable_length(0);
        unsigned char back[5] = {};
        CHECK(top.read(base + 100, back, 5) == tlm::TLM_OK_RESPONSE);
        CHECK(std::vector<unsigned char>(back, back + 5) == std::vector<unsigned char>{5, 0, 7, 0, 0});
    });
}

TEST_CASE("a layer computes, others may read and write beside it, and the layer ends that much later") {
    Fixture top;
    test::run_in_thread([&] {
        const MramLayerRegisters layer = sum_layer(top.bank);
        const std::vector<std::uint8_t> input = load_sum_layer(top, layer);
        CHECK(top.write(top.bank.register_base() + MramMap::layer_block, &layer, sizeof layer) ==
              tlm::TLM_OK_RESPONSE);
        CHECK(top.read64(MramMap::busy) == 0);
        CHECK(top.write64(MramMap::go, 1) == tlm::TLM_OK_RESPONSE);
        wait(sc_core::sc_time(10, sc_core::SC_PS));
        CHECK(top.read64(MramMap::busy) == 1);

        // Reads everywhere, writes where the layer has nothing.
        std::uint64_t value = 0x1234;
        const std::uint64_t elsewhere = base + top.bank.memory_bytes() - 64;
        CHECK(top.write(elsewhere, &value, 8) == tlm::TLM_OK_RESPONSE);
        value = 0;
        CHECK(top.read(elsewhere, &value, 8) == tlm::TLM_OK_RESPONSE);
        CHECK(value == 0x1234);
        CHECK(top.read(layer.output, &value, 8) == tlm::TLM_OK_RESPONSE);
        CHECK(value == 0); // nothing there yet
        for (const std::uint64_t address : {base, layer.input, layer.parameters + 8, layer.output}) {
            CHECK(top.write(address, &value, 8) == tlm::TLM_COMMAND_ERROR_RESPONSE);
        }
        CHECK(top.write64(MramMap::go, 1) == tlm::TLM_COMMAND_ERROR_RESPONSE);
        CHECK(top.write(top.bank.register_base(), &layer, sizeof layer) == tlm::TLM_COMMAND_ERROR_RESPONSE);

        top.wait_interrupt();
        CHECK(top.read64(MramMap::status) == 1);
        CHECK(top.read64(MramMap::error) == 0);
        REQUIRE(top.bank.completed_layers().size() == 1);
        const auto& done = top.bank.completed_layers().front();
        const Picoseconds stolen{1586 + 2 * 1418};
        CHECK(done.stolen == stolen);
        CHECK(done.end - done.start == done.activity.time() + stolen);
        std::int16_t output[256] = {};
        CHECK(top.read(layer.output, output, 512) == tlm::TLM_OK_RESPONSE);
        for (std::size_t i = 0; i < 256; ++i) {
            REQUIRE(output[i] == std::min(sum_at(input, i % 4), 32767));
        }
        CHECK(top.interrupt.read());
        top.write64(MramMap::interrupt_clear, 1);
        wait(sc_core::sc_time(1, sc_core::SC_NS));
        CHECK_FALSE(top.interrupt.read());
        CHECK(top.write(layer.output, &value, 8) == tlm::TLM_OK_RESPONSE); // the locks are gone
    });
}

TEST_CASE("a layer that the bank can't execute is refused with an interrupt, and the next one runs") {
    Fixture top;
    test::run_in_thread([&] {
        MramLayerRegisters layer = sum_layer(top.bank);
        load_sum_layer(top, layer);
        layer.input = base; // where sub-arrays compute
        top.write(top.bank.register_base(), &layer, sizeof layer);
        top.write64(MramMap::go, 1);
        top.wait_interrupt();
        CHECK(top.read64(MramMap::error) == 1);
        CHECK_THAT(top.bank.refusal(), Catch::Contains("found inputs of 400 bytes at 0x0"));
        CHECK(top.bank.completed_layers().empty());
        top.write64(MramMap::interrupt_clear, 1);
        wait(sc_core::sc_time(1, sc_core::SC_NS));
        layer = sum_layer(top.bank);
        layer.input = 0; // below the bank
        top.write(top.bank.register_base(), &layer, sizeof layer);
        top.write64(MramMap::go, 1);
        top.wait_interrupt();
        CHECK(top.read64(MramMap::error) == 1);
        top.write64(MramMap::interrupt_clear, 1);
        wait(sc_core::sc_time(1, sc_core::SC_NS));
        layer = sum_layer(top.bank);
        top.write(top.bank.register_base(), &layer, sizeof layer);
        top.write64(MramMap::go, 1);
        top.wait_interrupt();
        CHECK(top.read64(MramMap::error) == 0);
        CHECK(top.read64(MramMap::status) == 3);
    });
}

TEST_CASE("energies of a layer are those of its activity, under its number") {
    Fixture top(small_bank(SenseAmplifierKind::sa2));
    test::run_in_thread([&] {
        MramLayerRegisters layer = sum_layer(top.bank);
        layer.layer = 3;
        load_sum_layer(top, layer);
        top.write(top.bank.register_base(), &layer, sizeof layer);
        top.write64(MramMap::go, 1);
        top.wait_interrupt();
        const LayerActivity& activity = top.bank.completed_layers().front().activity;
        const auto meters = core::collect_meters(top.bank);
        REQUIRE(meters.size() == 1);
        double sum = 0;
        for (const auto& account : meters.front()->accounts()) {
            if (account.quantity == core::Quantity::energy && account.by_layer.size() > 3) {
                sum += account.by_layer[3];
            }
        }
        CHECK(sum == Approx(activity.total_energy().pj));
        CHECK(meters.front()->total("macs") == 64 * 4 * 100);
    });
}

TEST_CASE("the waveform of an addition shows the steps of the paper's Fig. 5b") {
    const test::TemporaryFolder folder;
    Fixture top;
    core::VcdWriter writer(folder / "a.vcd", {}, [] { return core::now(); });
    core::Tracer tracer(writer, {});
    top.bank.trace(tracer);
    MramLayerRegisters layer = sum_layer(top.bank);
    test::run_in_thread([&] {
        load_sum_layer(top, layer);
        top.write(top.bank.register_base(), &layer, sizeof layer);
        top.write64(MramMap::go, 1);
        top.wait_interrupt();
    });
    writer.finish(core::now());
    const test::VcdReader vcd(folder / "a.vcd");
    const std::string scope = "top.bank.subarray0.";
    constexpr double s1 = 1, s2 = 2, c1 = 3, c2 = 4;
    const auto first = vcd.times_of(scope + "step", s1).front();
    CHECK(vcd.times_of(scope + "step", s2).front() == first + 1418);
    CHECK(vcd.times_of(scope + "step", c1).front() == first + 1418 + 1586);
    CHECK(vcd.times_of(scope + "step", c2).front() == first + 2 * 1418 + 1586);
    // As many steps S1 as bits are added in the sub-array: an adder tree of 20 operands.
    CHECK(vcd.times_of(scope + "step", s1).size() == core::plan_adder_tree(20, 255).bit_additions);
    // Column 0 is position 0, filter 0: operands 0 and 28. Their first bits are 0 and 0, then 0, 0, then
    // 0, 1.
    const auto& sums = vcd[scope + "sum"];
    CHECK(sums.bits == 1);
    CHECK_FALSE(sums.changes.empty());
    CHECK_FALSE(vcd[scope + "latch"].changes.empty());
    CHECK_FALSE(vcd[scope + "rwl"].changes.empty());
    constexpr double or2_and2 = 2 + 4;
    CHECK(vcd.times_of(scope + "enables", or2_and2).front() == first);
    // The phases follow one another and fill the layer's time.
    const auto& done = top.bank.completed_layers().front();
    CHECK(vcd.time_in("top.bank.phase", [](double phase) { return phase != 0; }) ==
          done.activity.time().count());
}
