// SPDX-License-Identifier: Apache-2.0
// A system with a processor of its own and HydraVP's hybrid memory. The lines marked [memory] are all that
// the memory takes.
#include "hydravp/modules/hybrid_memory.h" // [memory]

#include <systemc>
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>

/// Stands for your processor: measures some reads, then reads and writes at random and checks what it reads.
class Cpu : public sc_core::sc_module {
public:
    tlm_utils::simple_initiator_socket<Cpu> bus{"bus"};

    Cpu(const sc_core::sc_module_name& name, std::uint64_t dram, std::uint64_t pcm)
        : sc_core::sc_module(name), dram_(dram), pcm_(pcm) {
        SC_HAS_PROCESS(Cpu);
        SC_THREAD(run);
    }

private:
    /// One access of eight bytes; how long it took.
    double access_ns(tlm::tlm_command command, std::uint64_t address, std::uint64_t& word) {
        tlm::tlm_generic_payload payload;
        payload.set_command(command);
        payload.set_address(address);
        payload.set_data_ptr(reinterpret_cast<unsigned char*>(&word));
        payload.set_data_length(sizeof word);
        payload.set_streaming_width(sizeof word);
        const sc_core::sc_time start = sc_core::sc_time_stamp();
        sc_core::sc_time delay;
        bus->b_transport(payload, delay);
        wait(delay);
        if (!payload.is_response_ok()) {
            std::printf("%s\n", payload.get_response_string().c_str());
            std::exit(1);
        }
        return (sc_core::sc_time_stamp() - start).to_seconds() * 1e9;
    }

    void measure(const char* what, std::uint64_t address) {
        std::uint64_t word = 0;
        std::printf("%-24s %6.1f ns\n", what, access_ns(tlm::TLM_READ_COMMAND, address, word));
    }

    void run() {
        constexpr std::uint64_t dram_bank = 256 * 1024;     // from a row to the next one of the same bank
        constexpr std::uint64_t pcm_bank = 2 * 1024 * 1024; // likewise
        measure("DRAM read, row closed", dram_);
        measure("DRAM read, row open", dram_ + 64);
        measure("DRAM read, other row", dram_ + dram_bank);
        measure("PCM read, row closed", pcm_);
        measure("PCM read, row open", pcm_ + 64);
        measure("PCM read, other row", pcm_ + pcm_bank);

        std::mt19937_64 random(1);
        std::map<std::uint64_t, std::uint64_t> written;
        constexpr int accesses = 10000;
        double sum_ns = 0;
        for (int i = 0; i < accesses; ++i) {
            const std::uint64_t address = (random() % 2 == 0 ? dram_ : pcm_) + random() % 4096 * 64;
            std::uint64_t word = random();
            if (random() % 2 == 0) {
                sum_ns += access_ns(tlm::TLM_WRITE_COMMAND, address, word);
                written[address] = word;
            } else {
                sum_ns += access_ns(tlm::TLM_READ_COMMAND, address, word);
                if (word != written[address]) {
                    std::printf("wrong word at %#llx\n", static_cast<unsigned long long>(address));
                    std::exit(1);
                }
            }
        }
        std::printf("%d random accesses    %6.1f ns on average, all words right\n", accesses,
                    sum_ns / accesses);
        sc_core::sc_stop();
    }

    std::uint64_t dram_, pcm_;
};

int sc_main(int, char**) {
    hydravp::modules::HybridMemory memory("memory");           // [memory]
    const std::uint64_t dram = memory.address_map().dram_base; // [memory]
    const std::uint64_t pcm = memory.address_map().pcm_base;   // [memory]
    Cpu cpu("cpu", dram, pcm);
    cpu.bus.bind(memory.front); // [memory]
    sc_core::sc_start();
    return 0;
}
