// SPDX-License-Identifier: Apache-2.0
//
// Requests per CPU second of one DDR3-1600 channel behind its AT socket, with refresh: a stream of lines,
// random lines, a mixture of both with 70 % reads, and a stream of 8 KiB. `sim_ns` is the simulated time of a
// request.
#include "hydravp/core/payload_pool.h"
#include "hydravp/core/time.h"
#include "hydravp/memory/channel.h"
#include "hydravp/modules/channel_controller.h"
#include "hydravp/platform/config_reader.h"

#include <benchmark/benchmark.h>
#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

using namespace hydravp;

namespace {

/// Two ranks of DDR3-1600K, 4 Gb x8.
modules::MemoryConfig ddr3() {
    const std::string configs = HYDRAVP_SOURCE_DIR "/configs/";
    return platform::load_config_with_memory(configs + "hydra.yaml", configs + "memory/ddr3-1600.yaml")
        .memory.dram;
}

/// Keeps the queues full without a process of its own: the next request is sent when the controller takes the
/// one before.
class Initiator : public sc_core::sc_module {
public:
    tlm_utils::simple_initiator_socket<Initiator> socket{"socket"};

    explicit Initiator(const sc_core::sc_module_name& name) : sc_core::sc_module(name), data_(8192) {
        socket.register_nb_transport_bw(this, &Initiator::nb_transport_bw);
        SC_HAS_PROCESS(Initiator);
        SC_METHOD(begin);
        sensitive << begin_;
        dont_initialize();
    }

    /// @param random_share of the lines, @param read_share of all
    void run(std::uint64_t requests, std::uint32_t bytes, double random_share, double read_share) {
        left_ = requests;
        waited_for_ = requests;
        bytes_ = bytes;
        random_share_ = static_cast<std::uint64_t>(random_share * 1024);
        read_share_ = static_cast<std::uint64_t>(read_share * 1024);
        begin_.notify(sc_core::SC_ZERO_TIME);
        sc_core::sc_start();
    }

private:
    void begin() { send(); }
    void send() {
        while (left_ > 0 && !requesting_) {
            --left_;
            tlm::tlm_generic_payload& payload = pool_.allocate();
            const std::uint64_t draw = random_();
            std::uint64_t address = next_;
            if ((draw & 1023) < random_share_) {
                address = draw >> 20 & (capacity - 1) & ~std::uint64_t{63};
            } else {
                next_ = (next_ + bytes_) % capacity;
            }
            payload.set_command((draw >> 10 & 1023) < read_share_ ? tlm::TLM_READ_COMMAND
                                                                  : tlm::TLM_WRITE_COMMAND);
            payload.set_address(address);
            payload.set_data_ptr(data_.data());
            payload.set_data_length(bytes_);
            payload.set_streaming_width(bytes_);
            tlm::tlm_phase phase = tlm::BEGIN_REQ;
            sc_core::sc_time delay;
            requesting_ = true;
            if (socket->nb_transport_fw(payload, phase, delay) == tlm::TLM_UPDATED) {
                requesting_ = false;
            }
        }
    }
    tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time&) {
        if (phase == tlm::END_REQ) {
            requesting_ = false;
            send();
            return tlm::TLM_ACCEPTED;
        }
        payload.release();
        if (--waited_for_ == 0) {
            sc_core::sc_pause();
        }
        return tlm::TLM_COMPLETED;
    }

    static constexpr std::uint64_t capacity = std::uint64_t{8} << 30;
    core::PayloadPool pool_;
    std::vector<unsigned char> data_;
    std::mt19937_64 random_{1};
    std::uint64_t next_ = 0, left_ = 0, waited_for_ = 0, random_share_ = 0, read_share_ = 0;
    std::uint32_t bytes_ = 64;
    bool requesting_ = false;
    sc_core::sc_event begin_{"begin"};
};

/// Times only, as the simulators have it with which users compare.
modules::ChannelControllerConfig config() {
    modules::ChannelControllerConfig c;
    c.keep_data = false;
    return c;
}

struct Machine {
    Initiator initiator{"initiator"};
    const modules::MemoryConfig memory = ddr3();
    modules::ChannelController controller{"controller", config(), memory.technology, memory.geometry};
    memory::Channel channel{"channel", memory.technology, memory.geometry, "dram", "channel"};
    Machine() {
        initiator.socket.bind(controller.front);
        controller.channel.bind(channel.commands);
    }
};

Machine& machine() {
    static auto* one = new Machine; // SystemC's modules live as long as the process
    return *one;
}

void requests(benchmark::State& state, std::uint32_t bytes, double random_share, double read_share) {
    constexpr std::uint64_t batch = 20000;
    const core::Picoseconds begin = core::now();
    std::uint64_t count = 0;
    for (auto _ : state) {
        machine().initiator.run(batch, bytes, random_share, read_share);
        count += batch;
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(count));
    state.SetBytesProcessed(static_cast<std::int64_t>(count * bytes));
    state.counters["sim_ns"] =
        static_cast<double>((core::now() - begin).count()) / 1e3 / static_cast<double>(count);
}

} // namespace

int sc_main(int argc, char** argv) {
    machine();
    benchmark::RegisterBenchmark("stream 64 B", requests, 64, 0.0, 1.0);
    benchmark::RegisterBenchmark("random 64 B", requests, 64, 1.0, 1.0);
    benchmark::RegisterBenchmark("mixed 64 B", requests, 64, 0.5, 0.7);
    benchmark::RegisterBenchmark("stream 8 KiB", requests, 8192, 0.0, 1.0);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
