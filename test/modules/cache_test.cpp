// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/cache.h"

#include "hydravp/core/attribution.h"
#include "hydravp/core/time.h"

#include "run_in_thread.h"

#include <catch2/catch.hpp>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace hydravp;
using core::Picoseconds;
using modules::Cache;
using modules::CacheConfig;
using test::run_in_thread;

namespace {

constexpr std::uint64_t memory_bytes = 16384;
constexpr std::uint64_t uncached_base = 0x3000; ///< to 0x3400
constexpr Picoseconds memory_latency{100'000};
constexpr Picoseconds l1_hit{1000}, l2_hit{3000};

/// 16 KiB at address 0, half of its latency waited for and half returned; addresses from 0x3800 refuse.
struct Memory : sc_core::sc_module {
    tlm_utils::simple_target_socket<Memory> socket{"socket"};
    std::vector<unsigned char> bytes = std::vector<unsigned char>(memory_bytes);
    bool waits = true, refuses_writes = false;
    int reads = 0, writes = 0, under_way = 0, most_under_way = 0;
    std::uint64_t largest = 0;
    core::LayerId layer = core::no_layer;

    explicit Memory(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
        socket.register_b_transport(this, &Memory::transport);
        socket.register_transport_dbg(this, &Memory::debug);
    }
    void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        most_under_way = std::max(most_under_way, ++under_way);
        if (waits) {
            wait(delay + core::to_sc_time(memory_latency / 2));
            delay = core::to_sc_time(memory_latency / 2);
        } else {
            delay += core::to_sc_time(memory_latency);
        }
        --under_way;
        layer = core::Attribution::layer_of(payload);
        (payload.is_write() ? writes : reads) += 1;
        largest = std::max<std::uint64_t>(largest, payload.get_data_length());
        const std::uint64_t address = payload.get_address();
        const std::uint64_t length = payload.get_data_length();
        if (length == 0) {
            payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
            return;
        }
        if ((refuses_writes && payload.is_write()) || address >= 0x3800 || length > 0x3800 - address) {
            payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
            return;
        }
        for (std::uint64_t i = 0; i < length && !(!payload.is_read() && !payload.is_write()); ++i) {
            const unsigned char* enables = payload.get_byte_enable_ptr();
            if (enables == nullptr || enables[i % payload.get_byte_enable_length()] != 0) {
                unsigned char& byte = bytes[address + i % std::max(payload.get_streaming_width(), 1U)];
                (payload.is_write() ? byte : payload.get_data_ptr()[i]) =
                    payload.is_write() ? payload.get_data_ptr()[i] : byte;
            }
        }
        payload.set_response_status(tlm::TLM_OK_RESPONSE);
    }
    unsigned debug(tlm::tlm_generic_payload& payload) {
        const std::uint64_t length = std::min<std::uint64_t>(
            payload.get_data_length(),
            memory_bytes - std::min<std::uint64_t>(payload.get_address(), memory_bytes));
        unsigned char* const at = bytes.data() + payload.get_address();
        if (payload.is_write()) {
            std::memcpy(at, payload.get_data_ptr(), length);
        } else {
            std::memcpy(payload.get_data_ptr(), at, length);
        }
        return static_cast<unsigned>(length);
    }
};

CacheConfig small(std::uint32_t bytes, std::uint32_t ways, Picoseconds hit) {
    CacheConfig config;
    config.size_bytes = bytes;
    config.ways = ways;
    config.hit_latency = hit;
    config.uncached = {{uncached_base, 0x400}};
    return config;
}

using Core = tlm_utils::simple_initiator_socket<sc_core::sc_module>;

/// Some cores with an L1 each (512 B, 2 ways), a shared L2 (1 KiB, 2 ways: smaller than three L1s), a memory.
struct Domain : sc_core::sc_module {
    std::vector<std::unique_ptr<Core>> cores;
    std::vector<std::unique_ptr<Cache>> l1;
    std::unique_ptr<Cache> l2;
    Memory memory{"memory"};
    core::Attribution attribution;

    /// @param levels 1: a single cache at the memory
    Domain(
        const sc_core::sc_module_name& name, unsigned core_count, int levels = 2,
        const std::function<void(CacheConfig&)>& change = [](CacheConfig&) {})
        : sc_core::sc_module(name) {
        if (levels == 2) {
            CacheConfig config = small(1024, 2, l2_hit);
            change(config);
            l2 = std::make_unique<Cache>("l2", config, "l2");
            l2->downstream.bind(memory.socket);
        }
        for (unsigned i = 0; i < core_count; ++i) {
            CacheConfig config = small(512, 2, l1_hit);
            change(config);
            l1.push_back(std::make_unique<Cache>(("l1_" + std::to_string(i)).c_str(), config, "l1"));
            cores.push_back(std::make_unique<Core>(("core" + std::to_string(i)).c_str()));
            cores.back()->bind(l1.back()->upstream);
            if (l2) {
                l1.back()->downstream.bind(l2->upstream);
                l2->attach(*l1.back());
            } else {
                l1.back()->downstream.bind(memory.socket);
            }
        }
    }

    struct Options {
        unsigned width = 0; ///< 0: the length
        std::vector<unsigned char> enables = {};
        Picoseconds delay{0};
    };
    struct Result {
        tlm::tlm_response_status status;
        Picoseconds time; ///< from the call to the end of the delay
    };
    Result access(unsigned core, tlm::tlm_command command, std::uint64_t address,
                  std::vector<unsigned char>& data, const Options& options) {
        tlm::tlm_generic_payload payload;
        payload.set_command(command);
        payload.set_address(address);
        payload.set_data_ptr(data.data());
        payload.set_data_length(static_cast<unsigned>(data.size()));
        payload.set_streaming_width(options.width == 0 ? static_cast<unsigned>(data.size()) : options.width);
        auto enables = options.enables;
        if (!enables.empty()) {
            payload.set_byte_enable_ptr(enables.data());
            payload.set_byte_enable_length(static_cast<unsigned>(enables.size()));
        }
        payload.set_extension(&attribution);
        const Picoseconds begin = core::now();
        sc_core::sc_time delay = core::to_sc_time(options.delay);
        (*cores[core])->b_transport(payload, delay);
        payload.clear_extension(&attribution);
        REQUIRE(payload.get_address() == address);
        REQUIRE(payload.get_data_length() == data.size());
        REQUIRE_FALSE(payload.is_dmi_allowed());
        const Picoseconds end = core::now() + core::from_sc_time(delay);
        REQUIRE(end >= begin + options.delay);
        return {payload.get_response_status(), end - begin};
    }
    Result write(unsigned core, std::uint64_t address, std::vector<unsigned char> data) {
        return access(core, tlm::TLM_WRITE_COMMAND, address, data, {});
    }
    Result read(unsigned core, std::uint64_t address, std::size_t bytes = 1) {
        last.assign(bytes, 0);
        return access(core, tlm::TLM_READ_COMMAND, address, last, {});
    }
    unsigned char byte(unsigned core, std::uint64_t address) {
        REQUIRE(read(core, address).status == tlm::TLM_OK_RESPONSE);
        return last[0];
    }
    unsigned debug(unsigned core, tlm::tlm_command command, std::uint64_t address,
                   std::vector<unsigned char>& data) {
        tlm::tlm_generic_payload payload;
        payload.set_command(command);
        payload.set_address(address);
        payload.set_data_ptr(data.data());
        payload.set_data_length(static_cast<unsigned>(data.size()));
        return (*cores[core])->transport_dbg(payload);
    }
    std::vector<unsigned char> last;
};

double count(const Cache& cache, const std::string& account) {
    return cache.meter().total(account);
}

/// Random accesses of `threads` per core; each byte belongs to one thread of one core, so that every read has
/// one right answer, while lines are shared by all.
void race(Domain& domain, unsigned threads, unsigned accesses, unsigned seed) {
    const unsigned owners = static_cast<unsigned>(domain.cores.size()) * threads;
    std::vector<unsigned char> expected(0x2800);
    unsigned running = owners;
    sc_core::sc_event done;
    std::string failure;
    for (unsigned owner = 0; owner < owners; ++owner) {
        sc_core::sc_spawn([&, owner] {
            std::mt19937 random(seed * 1000 + owner);
            for (unsigned i = 0; i < accesses; ++i) {
                const unsigned core = owner / threads;
                const auto region = static_cast<unsigned>(random() % 8 == 0 ? 0x2000 : 0x600);
                const unsigned length = 1 + random() % 200;
                const std::uint64_t address = random() % region;
                std::vector<unsigned char> data(length);
                std::vector<unsigned char> enables(length);
                for (unsigned k = 0; k < length; ++k) {
                    data[k] = static_cast<unsigned char>(random());
                    enables[k] = (address + k) % owners == owner ? 0xFF : 0;
                }
                Domain::Options options;
                options.enables = enables;
                options.delay = Picoseconds{random() % 3 * 7000};
                const bool write = random() % 2 == 0;
                const auto result = domain.access(
                    core, write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND, address, data, options);
                for (unsigned k = 0; k < length; ++k) {
                    if (enables[k] == 0) {
                        continue;
                    }
                    if (write) {
                        expected[address + k] = data[k];
                    } else if (data[k] != expected[address + k] || result.status != tlm::TLM_OK_RESPONSE) {
                        failure = "owner " + std::to_string(owner) + " at " + std::to_string(address + k);
                    }
                }
                if (random() % 4 == 0) {
                    sc_core::wait(core::to_sc_time(Picoseconds{random() % 50'000}));
                }
                if (random() % 64 == 0) { // anybody may flush at any time
                    sc_core::sc_time delay;
                    domain.l1[core]->flush(random() % 0x800, random() % 0x300, delay);
                }
            }
            if (--running == 0) {
                done.notify();
            }
        });
    }
    sc_core::wait(done);
    REQUIRE(failure.empty());
    std::vector<unsigned char> seen(expected.size());
    REQUIRE(domain.debug(0, tlm::TLM_READ_COMMAND, 0, seen) == seen.size()); // what nobody has flushed
    REQUIRE(seen == expected);
    sc_core::sc_time delay;
    REQUIRE(domain.l1[0]->flush(0, memory_bytes, delay));
    sc_core::wait(delay);
    REQUIRE(std::equal(expected.begin(), expected.end(), domain.memory.bytes.begin()));
}

} // namespace

TEST_CASE("a miss fetches the line, a hit costs the hit latency") {
    Domain d("domain", 1, 1);
    run_in_thread([&] {
        d.memory.bytes[0x105] = 7;
        REQUIRE(d.read(0, 0x105).time == l1_hit + memory_latency);
        REQUIRE(d.last[0] == 7);
        REQUIRE(d.memory.largest == 64);
        sc_core::wait(core::to_sc_time(memory_latency));
        REQUIRE(d.read(0, 0x13F).time == l1_hit);
        REQUIRE(d.read(0, 0x140).time == l1_hit + memory_latency);
        REQUIRE(d.memory.reads == 2);
        REQUIRE(count(*d.l1[0], "l1_hits") == 1);
        REQUIRE(count(*d.l1[0], "l1_misses") == 2);
    });
}

TEST_CASE("who finds a line that is still on its way waits for it") {
    Domain d("domain", 1, 1);
    run_in_thread([&] {
        d.memory.waits = false;
        REQUIRE(d.read(0, 0x100).time == l1_hit + memory_latency);
        REQUIRE(d.read(0, 0x101).time == l1_hit + memory_latency); // asked at the same time
        sc_core::wait(core::to_sc_time(Picoseconds{60'000}));
        REQUIRE(d.read(0, 0x102).time == l1_hit + memory_latency - Picoseconds{60'000});
    });
}

TEST_CASE("a write stays in the cache until its line leaves") {
    Domain d("domain", 1, 1);
    run_in_thread([&] {
        d.attribution.layer = 3;
        d.write(0, 0x100, {1, 2, 3});
        REQUIRE(d.memory.writes == 0);
        REQUIRE(d.memory.bytes[0x101] == 0);
        REQUIRE(d.byte(0, 0x101) == 2);
        d.read(0, 0x200); // 4 sets of 2 ways: the same set
        REQUIRE(d.memory.writes == 0);
        const auto third = d.read(0, 0x300);
        REQUIRE(third.time == l1_hit + memory_latency); // the write-back is off its way
        sc_core::wait(1, sc_core::SC_US);
        REQUIRE(d.memory.writes == 1);
        REQUIRE(d.memory.bytes[0x101] == 2);
        REQUIRE(d.memory.layer == 3);
        REQUIRE(count(*d.l1[0], "l1_writebacks") == 1);
        d.read(0, 0x400); // 0x200 leaves, clean
        sc_core::wait(1, sc_core::SC_US);
        REQUIRE(d.memory.writes == 1);
        REQUIRE(d.byte(0, 0x102) == 3);
    });
}

TEST_CASE("accesses of any length, alignment, streaming width and byte enables do as memory would") {
    Domain d("domain", 1);
    run_in_thread([&] {
        std::mt19937 random(5);
        std::vector<unsigned char> expected(memory_bytes);
        for (int i = 0; i < 4000; ++i) {
            const unsigned length = 1 + random() % 300;
            const unsigned width = random() % 3 == 0 ? 1 + random() % length : length;
            // some in the uncached range, some over its borders
            const std::uint64_t address =
                random() % 3 == 0 ? uncached_base - 150 + random() % 0x400 : random() % 0x1000;
            std::vector<unsigned char> data(length);
            std::generate(data.begin(), data.end(), [&] { return static_cast<unsigned char>(random()); });
            Domain::Options options;
            options.width = width;
            if (random() % 2 == 0) {
                options.enables.resize(1 + random() % 20);
                std::generate(options.enables.begin(), options.enables.end(),
                              [&] { return static_cast<unsigned char>(random() % 2 == 0 ? 0xFF : 0); });
            }
            const bool write = random() % 2 == 0;
            std::vector<unsigned char> wanted = data;
            for (unsigned k = 0; k < length; ++k) {
                if (options.enables.empty() || options.enables[k % options.enables.size()] != 0) {
                    unsigned char& byte = expected[address + k % width];
                    (write ? byte : wanted[k]) = write ? data[k] : byte;
                }
            }
            CAPTURE(i, address, length, width, write);
            const auto result =
                d.access(0, write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND, address, data, options);
            REQUIRE(result.status == tlm::TLM_OK_RESPONSE);
            REQUIRE(data == wanted); // bytes that are not enabled stay as they are
        }
        REQUIRE(count(*d.l1[0], "l1_writebacks") > 100);
        REQUIRE(count(*d.l2, "l2_writebacks") > 100);
    });
}

TEST_CASE("uncached addresses pass in no time and are not kept") {
    Domain d("domain", 1);
    run_in_thread([&] {
        REQUIRE(d.write(0, uncached_base, {9}).time == memory_latency);
        REQUIRE(d.memory.bytes[uncached_base] == 9);
        REQUIRE(d.read(0, uncached_base + 0x3FF).time == memory_latency);
        REQUIRE(d.memory.largest == 1);
        REQUIRE(count(*d.l1[0], "l1_misses") == 0);
    });
}

TEST_CASE("the lines of a long access are looked up in turn and fetched side by side") {
    Domain d("domain", 1, 1, [](CacheConfig& config) { config.outstanding_misses = 0; });
    run_in_thread([&] {
        d.memory.waits = false;
        REQUIRE(d.read(0, 0x0, 256).time == 4 * l1_hit + memory_latency);
        sc_core::wait(1, sc_core::SC_US);
        REQUIRE(d.read(0, 0x0, 256).time == 4 * l1_hit);
    });
}

TEST_CASE("no more lines are fetched at a time than may be") {
    Domain d("domain", 1, 1, [](CacheConfig& config) { config.outstanding_misses = 2; });
    run_in_thread([&] {
        int left = 6;
        sc_core::sc_event done;
        for (unsigned i = 0; i < 6; ++i) {
            sc_core::sc_spawn([&, i] {
                d.read(0, i * 64);
                if (--left == 0) {
                    done.notify();
                }
            });
        }
        sc_core::wait(done);
        REQUIRE(d.memory.most_under_way == 2);
        d.memory.waits = false; // nor if their times lie ahead
        sc_core::wait(1, sc_core::SC_US);
        REQUIRE(d.read(0, 0x400).time == l1_hit + memory_latency);
        REQUIRE(d.read(0, 0x440).time == l1_hit + memory_latency);
        REQUIRE(d.read(0, 0x480).time == l1_hit + 2 * memory_latency);
    });
}

TEST_CASE("a failed fetch is the response of the access and leaves nothing behind") {
    Domain d("domain", 1);
    run_in_thread([&] {
        REQUIRE(d.read(0, 0x3800).status == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(d.write(0, 0x3FFF, {1}).status == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(d.read(0, 0x37F0, 0x20).status == tlm::TLM_ADDRESS_ERROR_RESPONSE); // the second line
        REQUIRE(d.read(0, ~std::uint64_t{0} - 3, 4).status == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        REQUIRE(d.read(0, ~std::uint64_t{0} - 3, 8).status ==
                tlm::TLM_ADDRESS_ERROR_RESPONSE); // beyond the end
        std::vector<unsigned char> nothing;
        REQUIRE(d.access(0, tlm::TLM_READ_COMMAND, 0, nothing, {}).status == tlm::TLM_BURST_ERROR_RESPONSE);
        std::vector<unsigned char> one(1);
        REQUIRE(d.access(0, tlm::TLM_IGNORE_COMMAND, 0, one, {}).status == tlm::TLM_OK_RESPONSE);
        for (std::uint64_t line = 0; line < 0x1000; line += 64) { // every way still works
            REQUIRE(d.read(0, line).status == tlm::TLM_OK_RESPONSE);
        }
    });
}

TEST_CASE("debug accesses see and change what is cached, in every cache") {
    Domain d("domain", 2);
    run_in_thread([&] {
        d.write(0, 0x100, {1, 2, 3, 4}); // in L1 0
        d.write(1, 0x140, {5});          // in L1 1
        d.write(0, 0x200, {6});
        d.read(0, 0x300);
        d.read(0, 0x500); // 0x100 and 0x200 left for the L2
        REQUIRE(d.memory.bytes[0x101] == 0);
        const Picoseconds before = core::now();
        for (unsigned core = 0; core < 2; ++core) {
            std::vector<unsigned char> data(0x110);
            REQUIRE(d.debug(core, tlm::TLM_READ_COMMAND, 0xF8, data) == data.size());
            REQUIRE(data[0x9] == 2);
            REQUIRE(data[0x48] == 5);
            REQUIRE(data[0x108] == 6);
            data.assign(memory_bytes, 0); // more lines than there are
            REQUIRE(d.debug(core, tlm::TLM_READ_COMMAND, 0, data) == data.size());
            REQUIRE(data[0x103] == 4);
            REQUIRE(data[0x140] == 5);
        }
        std::vector<unsigned char> data(0x50, 0x77);
        REQUIRE(d.debug(0, tlm::TLM_WRITE_COMMAND, 0x102, data) == data.size());
        REQUIRE(core::now() == before);
        REQUIRE(d.memory.bytes[0x102] == 0x77);
        REQUIRE(d.byte(1, 0x101) == 2);
        REQUIRE(d.byte(1, 0x103) == 0x77);
        REQUIRE(d.byte(0, 0x140) == 0x77);
        std::vector<unsigned char> beyond(32);
        REQUIRE(d.debug(0, tlm::TLM_READ_COMMAND, memory_bytes - 8, beyond) == 8);
    });
}

TEST_CASE("a core sees what another one wrote") {
    Domain d("domain", 3);
    run_in_thread([&] {
        d.write(0, 0x100, {1});
        sc_core::wait(1, sc_core::SC_US);
        // looked up in L1 and L2, taken from the other L1
        REQUIRE(d.read(1, 0x100).time == l1_hit + l2_hit + l1_hit);
        REQUIRE(d.last[0] == 1);
        REQUIRE(count(*d.l1[0], "l1_snooped") == 1);
        REQUIRE(d.memory.writes == 0);
        REQUIRE(d.byte(2, 0x100) == 1);
        REQUIRE(d.byte(0, 0x100) == 1);
        REQUIRE(count(*d.l1[0], "l1_misses") == 1); // it kept the line
        sc_core::wait(1, sc_core::SC_US);
        // a write asks for the line alone, and the others lose it
        REQUIRE(d.write(1, 0x100, {2}).time == l1_hit + l2_hit + l1_hit);
        REQUIRE(d.write(1, 0x101, {3}).time == l1_hit);
        REQUIRE(d.byte(0, 0x100) == 2);
        REQUIRE(count(*d.l1[0], "l1_misses") == 2);
        REQUIRE(d.byte(2, 0x101) == 3);
    });
}

TEST_CASE("a line read by one core only is written without asking") {
    Domain d("domain", 2);
    run_in_thread([&] {
        d.read(0, 0x100);
        sc_core::wait(1, sc_core::SC_US);
        REQUIRE(d.write(0, 0x100, {1}).time == l1_hit);
        REQUIRE(d.byte(1, 0x100) == 1);
    });
}

TEST_CASE("a line that leaves the L2 leaves the L1s") {
    Domain d("domain", 2);
    run_in_thread([&] {
        d.write(0, 0x000, {1}); // 8 sets of 2 ways in the L2
        d.read(1, 0x200);
        d.read(1, 0x400);
        sc_core::wait(1, sc_core::SC_US);
        REQUIRE(d.memory.bytes[0] == 1);
        const double misses = count(*d.l1[0], "l1_misses");
        REQUIRE(d.byte(0, 0) == 1);
        REQUIRE(count(*d.l1[0], "l1_misses") == misses + 1);
    });
}

TEST_CASE("flush writes back and drops, and takes its time") {
    Domain d("domain", 2);
    run_in_thread([&] {
        d.write(0, 0x100, {1});
        d.read(0, 0x140);
        d.write(1, 0x180, {2});
        d.write(1, 0x280, {3});
        sc_core::wait(1, sc_core::SC_US);
        sc_core::sc_time delay;
        const Picoseconds begin = core::now();
        REQUIRE(d.l1[0]->flush(0x110, 0x80, delay)); // 0x100, 0x140, 0x180
        const Picoseconds took = core::now() + core::from_sc_time(delay) - begin;
        REQUIRE(took >= 3 * l2_hit + memory_latency);
        REQUIRE(took <= 3 * (l2_hit + l1_hit) + memory_latency);
        REQUIRE(d.memory.writes == 2);
        REQUIRE(d.memory.bytes[0x100] == 1);
        REQUIRE(d.memory.bytes[0x180] == 2);
        REQUIRE(d.memory.bytes[0x280] == 0);
        d.memory.bytes[0x180] = 9; // what an accelerator would do
        REQUIRE(d.byte(0, 0x180) == 9);
        REQUIRE(d.byte(1, 0x180) == 9);
        delay = sc_core::SC_ZERO_TIME;
        REQUIRE(d.l2->flush(0x1000, 0x1000, delay)); // nothing there
        REQUIRE(d.l2->flush(0x100, 0, delay));
        REQUIRE(delay == sc_core::SC_ZERO_TIME);
        REQUIRE(d.l2->flush(0, ~std::uint64_t{0}, delay));
        REQUIRE(d.memory.bytes[0x280] == 3);
    });
}

TEST_CASE("invalidate drops whole lines and flushes those of which others have a part") {
    Domain d("domain", 2);
    run_in_thread([&] {
        for (const std::uint64_t line : {0x100, 0x140, 0x180}) {
            d.write(0, line, std::vector<unsigned char>(64, 5));
        }
        sc_core::sc_time delay;
        REQUIRE(d.l1[1]->invalidate(0x120, 0x80, delay)); // the whole of 0x140, halves of the others
        REQUIRE(d.memory.bytes[0x11F] == 5);
        REQUIRE(d.memory.bytes[0x140] == 0);
        REQUIRE(d.memory.bytes[0x1A0] == 5);
        REQUIRE(d.byte(0, 0x140) == 0);
        REQUIRE(d.byte(0, 0x100) == 5);
    });
}

TEST_CASE("a line that memory refuses to take back is reported") {
    sc_core::sc_report_handler::set_actions(sc_core::SC_WARNING, sc_core::SC_DO_NOTHING);
    Domain d("domain", 1);
    run_in_thread([&] {
        d.write(0, 0x100, {1});
        d.memory.refuses_writes = true;
        sc_core::sc_time delay;
        REQUIRE_FALSE(d.l1[0]->flush(0x100, 64, delay));
        REQUIRE(d.byte(0, 0x100) == 0); // it is lost
        REQUIRE(d.l1[0]->flush(0x100, 64, delay));
    });
}

TEST_CASE("many cores and threads at random agree on every byte, a memory that waits") {
    Domain d("domain", 4);
    run_in_thread([&] { race(d, 3, 600, 1); });
}
TEST_CASE("many cores and threads at random agree on every byte, a memory that never waits") {
    Domain d("domain", 3);
    d.memory.waits = false;
    run_in_thread([&] { race(d, 2, 800, 2); });
}
TEST_CASE("many threads at random agree on every byte, one line in the write buffer, one miss at a time") {
    Domain d("domain", 1, 1, [](CacheConfig& config) {
        config.write_buffer_lines = 1;
        config.outstanding_misses = 1;
    });
    run_in_thread([&] { race(d, 5, 600, 3); });
}
TEST_CASE("many cores and threads at random agree on every byte, more accesses than ways") {
    Domain d("domain", 4, 2, [](CacheConfig& config) {
        config.ways = 1;
        config.size_bytes = config.size_bytes == 512 ? 64 : 128;
    });
    run_in_thread([&] { race(d, 4, 300, 4); });
}

TEST_CASE("caches that do not fit together are refused") {
    CacheConfig config = small(1024, 2, l1_hit);
    Cache l2("l2", config, "l2");
    Cache l1("l1", config, "l1");
    CacheConfig other = config;
    other.line_bytes = 32;
    Cache narrow("narrow", other, "l1");
    Cache below("below", config, "l3");
    CHECK_THROWS_AS(l2.attach(narrow), std::invalid_argument);
    CHECK_THROWS_AS(l2.attach(l2), std::invalid_argument);
    CHECK_NOTHROW(l2.attach(l1));
    CHECK_THROWS_AS(l2.attach(l1), std::invalid_argument);
    CHECK_THROWS_AS(below.attach(l2), std::invalid_argument);
    CHECK_THROWS_AS(l1.attach(below), std::invalid_argument);
    config.uncached = {{32, 64}};
    CHECK_THROWS_AS(Cache("misaligned", config, "l1"), std::invalid_argument);
    config.uncached = {};
    config.write_buffer_lines = 0;
    CHECK_THROWS_AS(Cache("no_buffer", config, "l1"), std::invalid_argument);
}
