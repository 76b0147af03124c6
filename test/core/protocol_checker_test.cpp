// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/protocol_checker.h"

#include "hydravp/core/error.h"
#include "hydravp/core/payload_pool.h"
#include "hydravp/core/time.h"

#include "run_in_thread.h"

#include <catch2/catch.hpp>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <new>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace hydravp;
using core::Picoseconds;
using core::ProtocolChecker;
using test::run_in_thread;
using Payload = tlm::tlm_generic_payload;
using Phase = tlm::tlm_phase;
using Rule = ProtocolChecker::Rule;
using Kind = ProtocolChecker::Kind;
using Time = sc_core::sc_time;

DECLARE_EXTENDED_PHASE(HEADS_UP);

// Counts allocations. Not inlined: GCC would take new and free for a mismatch.
static std::uint64_t allocations = 0;
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
    ++allocations;
    return std::malloc(bytes);
}
[[gnu::noinline]] void* operator new(std::size_t bytes) {
    if (void* const memory = operator new(bytes, std::nothrow)) {
        return memory;
    }
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace {

Time ps(std::int64_t n) {
    return core::to_sc_time(Picoseconds{n});
}

/// A target that does what the test tells it; without being told it behaves.
struct Target : sc_core::sc_module {
    tlm_utils::simple_target_socket<Target> socket{"socket"};
    std::function<void(Payload&, Time&)> blocking;
    std::function<tlm::tlm_sync_enum(Payload&, Phase&, Time&)> forward;
    std::function<bool(Payload&, tlm::tlm_dmi&)> dmi;
    std::function<unsigned(Payload&)> debug;
    std::array<unsigned char, 256> memory{};

    explicit Target(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
        socket.register_b_transport(this, &Target::b_transport);
        socket.register_nb_transport_fw(this, &Target::nb_transport_fw);
        socket.register_get_direct_mem_ptr(this, &Target::get_direct_mem_ptr);
        socket.register_transport_dbg(this, &Target::transport_dbg);
    }
    /// Reads or writes the enabled bytes.
    void serve(Payload& payload) {
        unsigned char* const here = memory.data() + payload.get_address();
        const unsigned char* const enables = payload.get_byte_enable_ptr();
        for (unsigned i = 0; i < payload.get_data_length(); ++i) {
            if (enables == nullptr || enables[i % payload.get_byte_enable_length()] != 0) {
                unsigned char& byte = payload.get_data_ptr()[i];
                (payload.is_write() ? here[i] : byte) = payload.is_write() ? byte : here[i];
            }
        }
        payload.set_response_status(tlm::TLM_OK_RESPONSE);
    }
    tlm::tlm_sync_enum backward(Payload& payload, Phase phase, Time delay = {}) {
        return socket->nb_transport_bw(payload, phase, delay);
    }

private:
    void b_transport(Payload& payload, Time& delay) {
        if (blocking) {
            blocking(payload, delay);
        } else {
            serve(payload);
            delay += ps(1000);
        }
    }
    tlm::tlm_sync_enum nb_transport_fw(Payload& payload, Phase& phase, Time& delay) {
        return forward ? forward(payload, phase, delay) : tlm::TLM_ACCEPTED;
    }
    bool get_direct_mem_ptr(Payload& payload, tlm::tlm_dmi& data) { return dmi && dmi(payload, data); }
    unsigned transport_dbg(Payload& payload) {
        if (debug) {
            return debug(payload);
        }
        serve(payload);
        return payload.get_data_length();
    }
};

struct Initiator : sc_core::sc_module {
    tlm_utils::simple_initiator_socket<Initiator> socket{"socket"};
    std::function<tlm::tlm_sync_enum(Payload&, Phase&, Time&)> backward;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> invalidated;

    explicit Initiator(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
        socket.register_nb_transport_bw(this, &Initiator::nb_transport_bw);
        socket.register_invalidate_direct_mem_ptr(this, &Initiator::invalidate);
    }
    tlm::tlm_sync_enum forward(Payload& payload, Phase phase, Time delay = {}) {
        return socket->nb_transport_fw(payload, phase, delay);
    }
    void blocking(Payload& payload, Time delay = {}) { socket->b_transport(payload, delay); }

private:
    tlm::tlm_sync_enum nb_transport_bw(Payload& payload, Phase& phase, Time& delay) {
        return backward ? backward(payload, phase, delay) : tlm::TLM_ACCEPTED;
    }
    void invalidate(sc_dt::uint64 start, sc_dt::uint64 end) { invalidated.emplace_back(start, end); }
};

/// Initiator, checker, target, and two payloads: reads of 8 bytes at 16 and 32.
struct Fixture : sc_core::sc_module {
    Initiator initiator{"initiator"};
    ProtocolChecker checker;
    Target target{"target"};
    core::PayloadPool pool;
    std::array<unsigned char, 8> data{}, other_data{}, enables{};
    Payload& payload;
    Payload& other;

    explicit Fixture(const ProtocolChecker::Options& options = {},
                     const sc_core::sc_module_name& name = "fixture")
        : sc_core::sc_module(name),
          checker("checker", options),
          payload(pool.allocate()),
          other(pool.allocate()) {
        initiator.socket.bind(checker.front);
        checker.back.bind(target.socket);
        std::iota(target.memory.begin(), target.memory.end(), static_cast<unsigned char>(1));
        prepare(payload, data, 16);
        prepare(other, other_data, 32);
    }
    void prepare(Payload& p, std::array<unsigned char, 8>& bytes, std::uint64_t address) {
        p.set_command(tlm::TLM_READ_COMMAND);
        p.set_address(address);
        p.set_data_ptr(bytes.data());
        p.set_data_length(8);
        p.set_streaming_width(8);
        p.set_byte_enable_ptr(nullptr);
        p.set_byte_enable_length(0);
        p.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    }
    /// Bytes 0, 2, 4, ... are enabled.
    void enable_every_other(Payload& p) {
        enables = {TLM_BYTE_ENABLED, TLM_BYTE_DISABLED};
        p.set_byte_enable_ptr(enables.data());
        p.set_byte_enable_length(2);
    }
    tlm::tlm_sync_enum forward(Phase phase, Time delay = {}) {
        return initiator.forward(payload, phase, delay);
    }
    tlm::tlm_sync_enum backward(Phase phase, Time delay = {}) {
        return target.backward(payload, phase, delay);
    }
    /// The target's response, with data.
    tlm::tlm_sync_enum respond(Time delay = {}) {
        target.serve(payload);
        return backward(tlm::BEGIN_RESP, delay);
    }

    void require_clean() const { REQUIRE(checker.summary() == ""); }
    /// Exactly this one, charged to this socket.
    void require_only(Rule rule, const std::string& socket) const {
        INFO(checker.summary());
        REQUIRE(checker.violations().size() == 1);
        REQUIRE(checker.violation_count() == 1);
        const ProtocolChecker::Violation& v = checker.violations()[0];
        REQUIRE(v.rule == rule);
        REQUIRE(v.socket == "fixture.checker." + socket);
        REQUIRE_THAT(v.text, Catch::StartsWith(ProtocolChecker::description(rule)));
        REQUIRE(v.time == core::now());
    }
    void require_only(Rule rule, const std::string& socket, unsigned length) const {
        require_only(rule, socket);
        REQUIRE(checker.violations()[0].address == 16);
        REQUIRE(checker.violations()[0].length == length);
    }
};

/// What the initiator hands to b_transport breaks a rule.
void check_start(Rule rule, const std::function<void(Payload&)>& break_it, unsigned length = 8) {
    Fixture f;
    f.target.blocking = [](Payload& p, Time&) { p.set_response_status(tlm::TLM_OK_RESPONSE); };
    run_in_thread([&] {
        break_it(f.payload);
        f.initiator.blocking(f.payload);
        f.require_only(rule, "front", length);
    });
}

/// The same for nb_transport.
void check_start_nonblocking(Rule rule, const std::function<void(Payload&)>& break_it) {
    Fixture f;
    run_in_thread([&] {
        break_it(f.payload);
        REQUIRE(f.forward(tlm::BEGIN_REQ) == tlm::TLM_ACCEPTED);
        f.require_only(rule, "front", 8);
    });
}

/// What comes back from b_transport breaks a rule.
void check_return(
    Rule rule, const std::function<void(Fixture&, Payload&)>& break_it,
    const std::function<void(Fixture&)>& prepare = [](Fixture&) {}) {
    Fixture f;
    prepare(f);
    const std::uint64_t address = f.payload.get_address();
    const tlm::tlm_command command = f.payload.get_command();
    f.target.blocking = [&](Payload& p, Time&) {
        f.target.serve(p);
        break_it(f, p);
    };
    run_in_thread([&] {
        sc_core::wait(5, sc_core::SC_NS);
        f.initiator.blocking(f.payload);
        f.require_only(rule, "back", 8);
        REQUIRE(f.checker.violations()[0].address == address);
        REQUIRE(f.checker.violations()[0].command == command);
        REQUIRE(f.checker.unfinished() == 0);
    });
}

/// What comes with BEGIN_RESP breaks a rule.
void check_response_phase(
    Rule rule, const std::function<void(Fixture&, Payload&)>& break_it,
    const std::function<void(Fixture&)>& prepare = [](Fixture&) {}) {
    Fixture f;
    prepare(f);
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.target.serve(f.payload);
        break_it(f, f.payload);
        f.backward(tlm::BEGIN_RESP);
        f.forward(tlm::END_RESP);
        f.require_only(rule, "back", 8);
        REQUIRE(f.checker.unfinished() == 0);
    });
}

void make_write(Fixture& f) {
    f.payload.set_command(tlm::TLM_WRITE_COMMAND);
    f.data = {1, 2, 3, 4, 5, 6, 7, 8};
}

void grant(tlm::tlm_dmi& dmi, Target& target) {
    dmi.set_dmi_ptr(target.memory.data());
    dmi.set_start_address(0);
    dmi.set_end_address(255);
    dmi.allow_read_write();
}

void check_dmi(Rule rule, const std::function<void(tlm::tlm_dmi&)>& break_it) {
    Fixture f;
    f.target.dmi = [&](Payload&, tlm::tlm_dmi& dmi) {
        grant(dmi, f.target);
        break_it(dmi);
        return true;
    };
    run_in_thread([&] {
        tlm::tlm_dmi dmi;
        REQUIRE(f.initiator.socket->get_direct_mem_ptr(f.payload, dmi));
        f.require_only(rule, "back", 8);
    });
}

} // namespace

// ---- What the initiator hands over ----

TEST_CASE("rule: response status at the start") {
    check_start(Rule::response_status_at_start,
                [](Payload& p) { p.set_response_status(tlm::TLM_OK_RESPONSE); });
}
TEST_CASE("rule: response status at the start, nb_transport") {
    check_start_nonblocking(Rule::response_status_at_start,
                            [](Payload& p) { p.set_response_status(tlm::TLM_OK_RESPONSE); });
}
TEST_CASE("rule: dmi_allowed at the start") {
    check_start(Rule::dmi_allowed_at_start, [](Payload& p) { p.set_dmi_allowed(true); });
}
TEST_CASE("rule: command") {
    check_start(Rule::command, [](Payload& p) { p.set_command(static_cast<tlm::tlm_command>(3)); });
}
TEST_CASE("rule: data pointer") {
    check_start(Rule::data_pointer, [](Payload& p) { p.set_data_ptr(nullptr); });
}
TEST_CASE("rule: data length") {
    check_start(
        Rule::data_length, [](Payload& p) { p.set_data_length(0); }, 0);
}
TEST_CASE("rule: streaming width") {
    check_start(Rule::streaming_width, [](Payload& p) { p.set_streaming_width(0); });
}
TEST_CASE("rule: byte enable length") {
    static unsigned char enable = TLM_BYTE_ENABLED;
    check_start(Rule::byte_enable_length, [](Payload& p) {
        p.set_byte_enable_ptr(&enable);
        p.set_byte_enable_length(0);
    });
}
TEST_CASE("rule: memory manager") {
    Fixture f;
    run_in_thread([&] {
        Payload unmanaged;
        f.prepare(unmanaged, f.data, 16);
        f.initiator.blocking(unmanaged); // needs none
        f.require_clean();
        f.prepare(unmanaged, f.data, 16);
        f.initiator.forward(unmanaged, tlm::BEGIN_REQ);
        f.require_only(Rule::memory_manager, "front", 8);
        f.target.serve(unmanaged);
        f.target.backward(unmanaged, tlm::BEGIN_RESP);
        f.initiator.forward(unmanaged, tlm::END_RESP);
        f.require_only(Rule::memory_manager, "front", 8); // the rest of it is followed all the same
        REQUIRE(f.checker.unfinished() == 0);
    });
}
TEST_CASE("rule: reference count") {
    Fixture f;
    run_in_thread([&] {
        Payload unreferenced(&f.pool);
        f.prepare(unreferenced, f.data, 16);
        f.initiator.forward(unreferenced, tlm::BEGIN_REQ);
        REQUIRE(unreferenced.get_ref_count() == 0);
        f.target.serve(unreferenced);
        f.target.backward(unreferenced, tlm::BEGIN_RESP);
        f.initiator.forward(unreferenced, tlm::END_RESP);
        f.require_only(Rule::reference_count, "front", 8);
        REQUIRE(f.pool.available() == 0); // the checker did not give away what it doesn't hold
    });
}
TEST_CASE("rule: reference count, b_transport") {
    Fixture f;
    run_in_thread([&] {
        Payload unreferenced(&f.pool);
        f.prepare(unreferenced, f.data, 16);
        f.initiator.blocking(unreferenced);
        f.require_only(Rule::reference_count, "front", 8);
    });
}
TEST_CASE("null data are allowed if the option says so, and always without a command") {
    ProtocolChecker::Options options;
    options.null_data_allowed = true;
    Fixture f(options);
    f.target.blocking = [](Payload& p, Time&) { p.set_response_status(tlm::TLM_OK_RESPONSE); };
    f.target.debug = [](Payload&) { return 0U; };
    run_in_thread([&] {
        for (const auto command : {tlm::TLM_READ_COMMAND, tlm::TLM_WRITE_COMMAND}) {
            f.prepare(f.payload, f.data, 16);
            f.payload.set_command(command);
            f.payload.set_data_ptr(nullptr);
            f.enable_every_other(f.payload);
            f.initiator.blocking(f.payload);
            f.initiator.socket->transport_dbg(f.payload);
        }
        f.require_clean();
    });
}
TEST_CASE("a payload without a command needs no data") {
    Fixture f;
    f.target.blocking = [](Payload& p, Time&) { p.set_response_status(tlm::TLM_OK_RESPONSE); };
    run_in_thread([&] {
        f.payload.set_command(tlm::TLM_IGNORE_COMMAND);
        f.payload.set_data_ptr(nullptr);
        f.initiator.blocking(f.payload);
        f.require_clean();
    });
}

// ---- What comes back ----

TEST_CASE("rule: response missing after b_transport") {
    check_return(Rule::response_missing,
                 [](Fixture&, Payload& p) { p.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE); });
}
TEST_CASE("rule: response missing at BEGIN_RESP") {
    check_response_phase(Rule::response_missing,
                         [](Fixture&, Payload& p) { p.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE); });
}
TEST_CASE("rule: response missing with TLM_COMPLETED") {
    Fixture f;
    f.target.forward = [](Payload&, Phase&, Time&) { return tlm::TLM_COMPLETED; };
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.require_only(Rule::response_missing, "back", 8);
        REQUIRE(f.checker.unfinished() == 0);
    });
}
TEST_CASE("rule: response missing with TLM_UPDATED") {
    Fixture f;
    f.target.forward = [](Payload&, Phase& phase, Time&) {
        phase = tlm::BEGIN_RESP;
        return tlm::TLM_UPDATED;
    };
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.require_only(Rule::response_missing, "back", 8);
    });
}
TEST_CASE("rule: time goes backwards across b_transport") {
    Fixture f;
    Time waited;
    Time left;
    f.target.blocking = [&](Payload& p, Time& delay) {
        f.target.serve(p);
        sc_core::wait(waited);
        delay = left;
    };
    run_in_thread([&] {
        const auto access = [&](std::int64_t before, std::int64_t wait, std::int64_t after) {
            f.prepare(f.payload, f.data, 16);
            waited = ps(wait);
            left = ps(after);
            f.initiator.blocking(f.payload, ps(before));
        };
        access(100, 100, 0); // waited for instead: legal
        access(100, 0, 100);
        access(100, 200, 0);
        f.require_clean();
        access(100, 50, 49);
        f.require_only(Rule::time_backwards, "back", 8);
        REQUIRE_THAT(f.checker.violations()[0].text, Catch::EndsWith("from 400 ps to 399 ps"));
    });
}
TEST_CASE("rule: command changed") {
    check_return(Rule::command_changed, [](Fixture&, Payload& p) { p.set_command(tlm::TLM_IGNORE_COMMAND); });
}
TEST_CASE("rule: address changed") {
    check_return(Rule::address_changed, [](Fixture&, Payload& p) { p.set_address(0); });
}
TEST_CASE("rule: address changed, nb_transport") {
    check_response_phase(Rule::address_changed, [](Fixture&, Payload& p) { p.set_address(0); });
}
TEST_CASE("an address may change for good if the option says so") {
    ProtocolChecker::Options options;
    options.address_may_change = true;
    Fixture f(options);
    f.target.blocking = [&](Payload& p, Time&) {
        f.target.serve(p);
        p.set_address(0);
    };
    run_in_thread([&] {
        f.initiator.blocking(f.payload);
        f.require_clean();
    });
}
TEST_CASE("rule: data pointer changed") {
    check_return(Rule::data_pointer_changed,
                 [](Fixture& f, Payload& p) { p.set_data_ptr(f.other_data.data()); });
}
TEST_CASE("rule: data length changed") {
    check_return(Rule::data_length_changed, [](Fixture&, Payload& p) { p.set_data_length(4); });
}
TEST_CASE("rule: streaming width changed") {
    check_return(Rule::streaming_width_changed, [](Fixture&, Payload& p) { p.set_streaming_width(4); });
}
TEST_CASE("rule: byte enables changed: pointer") {
    check_return(Rule::byte_enables_changed,
                 [](Fixture& f, Payload& p) { p.set_byte_enable_ptr(f.enables.data()); });
}
TEST_CASE("rule: byte enables changed: content") {
    check_return(
        Rule::byte_enables_changed, [](Fixture& f, Payload&) { f.enables[1] = TLM_BYTE_ENABLED; },
        [](Fixture& f) { f.enable_every_other(f.payload); });
}
TEST_CASE("rule: byte enables changed: length") {
    check_return(
        Rule::byte_enables_changed, [](Fixture&, Payload& p) { p.set_byte_enable_length(1); },
        [](Fixture& f) { f.enable_every_other(f.payload); });
}
TEST_CASE("rule: data of a write changed") {
    check_return(
        Rule::write_data_changed, [](Fixture& f, Payload&) { f.data[7] = 0; }, make_write);
}
TEST_CASE("rule: data of a write changed, nb_transport") {
    check_response_phase(
        Rule::write_data_changed, [](Fixture& f, Payload&) { f.data[7] = 0; }, make_write);
}
TEST_CASE("rule: disabled byte changed") {
    check_return(
        Rule::disabled_byte_changed, [](Fixture& f, Payload&) { f.data[5] = 77; },
        [](Fixture& f) { f.enable_every_other(f.payload); });
}
TEST_CASE("rule: disabled byte changed, nb_transport") {
    check_response_phase(
        Rule::disabled_byte_changed, [](Fixture& f, Payload&) { f.data[5] = 77; },
        [](Fixture& f) { f.enable_every_other(f.payload); });
}
TEST_CASE("data are not compared if the option says so") {
    ProtocolChecker::Options options;
    options.check_data = false;
    Fixture f(options);
    f.target.blocking = [&](Payload& p, Time&) {
        f.data[1] = 99;
        p.set_response_status(tlm::TLM_OK_RESPONSE);
    };
    run_in_thread([&] {
        make_write(f);
        f.enable_every_other(f.payload);
        f.initiator.blocking(f.payload);
        f.prepare(f.payload, f.data, 16);
        f.enable_every_other(f.payload);
        f.initiator.blocking(f.payload);
        f.require_clean();
    });
}

// ---- Phases ----

TEST_CASE("rule: phase on the wrong path, forward") {
    Fixture f;
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.forward(tlm::END_REQ);
        f.require_only(Rule::phase_path, "front", 8);
        f.respond();
        f.forward(tlm::END_RESP);
        f.require_only(Rule::phase_path, "front", 8);
    });
}
TEST_CASE("rule: phase on the wrong path, backward") {
    Fixture f;
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.backward(tlm::END_RESP);
        f.require_only(Rule::phase_path, "back", 8);
        f.respond();
        f.forward(tlm::END_RESP);
        f.require_only(Rule::phase_path, "back", 8);
    });
}
TEST_CASE("rule: phase order: END_RESP before BEGIN_RESP") {
    Fixture f;
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.backward(tlm::END_REQ);
        f.forward(tlm::END_RESP);
        f.require_only(Rule::phase_order, "front", 8);
        REQUIRE_THAT(f.checker.violations()[0].text, Catch::EndsWith("END_RESP after END_REQ"));
        REQUIRE(f.checker.unfinished() == 1);
    });
}
TEST_CASE("rule: phase order: END_REQ after BEGIN_RESP") {
    Fixture f;
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.respond();
        f.backward(tlm::END_REQ);
        f.forward(tlm::END_RESP);
        f.require_only(Rule::phase_order, "back", 8);
    });
}
TEST_CASE("rule: phase repeated: BEGIN_REQ") {
    Fixture f;
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.forward(tlm::BEGIN_REQ);
        f.respond();
        f.forward(tlm::END_RESP);
        f.require_only(Rule::phase_repeated, "front", 8);
    });
}
TEST_CASE("rule: phase repeated: END_REQ") {
    Fixture f;
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.backward(tlm::END_REQ);
        f.backward(tlm::END_REQ);
        f.require_only(Rule::phase_repeated, "back", 8);
    });
}
TEST_CASE("rule: phase repeated: BEGIN_RESP") {
    Fixture f;
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.respond();
        f.backward(tlm::BEGIN_RESP);
        f.require_only(Rule::phase_repeated, "back", 8);
    });
}
TEST_CASE("rule: unknown transaction, backward") {
    Fixture f;
    run_in_thread([&] {
        f.respond();
        f.require_only(Rule::unknown_transaction, "back", 8);
    });
}
TEST_CASE("rule: unknown transaction: END_RESP twice") {
    Fixture f;
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.respond();
        f.forward(tlm::END_RESP);
        f.require_clean();
        f.forward(tlm::END_RESP);
        f.require_only(Rule::unknown_transaction, "front", 8);
    });
}
TEST_CASE("rule: unknown transaction: a response after TLM_COMPLETED") {
    Fixture f;
    f.target.forward = [&](Payload& p, Phase&, Time&) {
        f.target.serve(p);
        return tlm::TLM_COMPLETED;
    };
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.require_clean();
        f.backward(tlm::BEGIN_RESP);
        f.require_only(Rule::unknown_transaction, "back", 8);
    });
}
TEST_CASE("rule: unknown transaction: b_transport answered with a phase") {
    Fixture f;
    f.target.blocking = [&](Payload& p, Time&) {
        f.target.serve(p);
        f.backward(tlm::BEGIN_RESP);
    };
    run_in_thread([&] {
        f.initiator.blocking(f.payload);
        f.require_only(Rule::unknown_transaction, "back", 8);
    });
}
TEST_CASE("rule: request exclusion") {
    Fixture f;
    run_in_thread([&] {
        f.initiator.forward(f.other, tlm::BEGIN_REQ);
        f.forward(tlm::BEGIN_REQ);
        f.require_only(Rule::request_exclusion, "front", 8);
        for (Payload* p : {&f.other, &f.payload}) {
            f.target.serve(*p);
            f.target.backward(*p, tlm::BEGIN_RESP);
            f.initiator.forward(*p, tlm::END_RESP);
        }
        f.require_only(Rule::request_exclusion, "front", 8);
    });
}
TEST_CASE("rule: response exclusion") {
    Fixture f;
    run_in_thread([&] {
        f.initiator.forward(f.other, tlm::BEGIN_REQ);
        f.target.backward(f.other, tlm::END_REQ);
        f.forward(tlm::BEGIN_REQ);
        f.backward(tlm::END_REQ);
        f.target.serve(f.other);
        f.target.backward(f.other, tlm::BEGIN_RESP);
        f.require_clean();
        f.respond();
        f.require_only(Rule::response_exclusion, "back", 8);
        f.initiator.forward(f.other, tlm::END_RESP);
        f.forward(tlm::END_RESP);
        f.require_only(Rule::response_exclusion, "back", 8);
    });
}
TEST_CASE("rule: payload in use") {
    Fixture f;
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.backward(tlm::END_REQ);
        f.forward(tlm::BEGIN_REQ);
        f.require_only(Rule::payload_in_use, "front", 8);
        f.respond(); // answers the new transaction
        f.forward(tlm::END_RESP);
        f.require_only(Rule::payload_in_use, "front", 8);
        REQUIRE(f.checker.unfinished() == 0);
        REQUIRE(f.payload.get_ref_count() == 1);
    });
}
TEST_CASE("rule: payload in use by another b_transport") {
    Fixture f;
    int calls = 0;
    f.target.blocking = [&](Payload& p, Time&) {
        if (++calls == 1) {
            f.initiator.blocking(f.payload);
        }
        f.target.serve(p);
    };
    run_in_thread([&] {
        f.initiator.blocking(f.payload);
        REQUIRE(calls == 2);
        f.require_only(Rule::payload_in_use, "front", 8);
    });
}
TEST_CASE("rule: b_transport during nb_transport") {
    Fixture f;
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.initiator.blocking(f.payload);
        f.require_only(Rule::mixed_interfaces, "front", 8);
        REQUIRE(f.payload.is_response_ok()); // passed on all the same
    });
}
TEST_CASE("rule: nb_transport during b_transport") {
    Fixture f;
    f.target.blocking = [&](Payload& p, Time&) {
        f.forward(tlm::BEGIN_REQ);
        f.target.serve(p);
    };
    run_in_thread([&] {
        f.initiator.blocking(f.payload);
        f.require_only(Rule::mixed_interfaces, "front", 8);
        REQUIRE(f.checker.unfinished() == 0);
    });
}
TEST_CASE("rule: response changed") {
    Fixture f;
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.respond();
        f.payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
        f.forward(tlm::END_RESP);
        f.require_only(Rule::response_changed, "front", 8);
    });
}
TEST_CASE("rule: time goes backwards between phases") {
    Fixture f;
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ, ps(100));
        sc_core::wait(ps(60));
        f.backward(tlm::END_REQ, ps(40));
        f.require_clean();
        f.respond(ps(39));
        f.require_only(Rule::time_backwards, "back", 8);
        sc_core::wait(ps(39));
        f.forward(tlm::END_RESP);
        REQUIRE(f.checker.violation_count() == 1);
    });
}
TEST_CASE("rule: time goes backwards on a forward phase") {
    Fixture f;
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.respond(ps(10));
        f.forward(tlm::END_RESP, ps(9));
        f.require_only(Rule::time_backwards, "front", 8);
    });
}
TEST_CASE("rule: time goes backwards on the return path") {
    Fixture f;
    f.target.forward = [](Payload&, Phase& phase, Time& delay) {
        phase = tlm::END_REQ;
        delay = ps(9);
        return tlm::TLM_UPDATED;
    };
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ, ps(10));
        f.require_only(Rule::time_backwards, "back", 8);
    });
}
TEST_CASE("rule: time goes backwards on the backward return path") {
    Fixture f;
    f.initiator.backward = [](Payload&, Phase& phase, Time& delay) {
        phase = tlm::END_RESP;
        delay = ps(9);
        return tlm::TLM_UPDATED;
    };
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.respond(ps(10));
        f.require_only(Rule::time_backwards, "front", 8);
        REQUIRE(f.checker.unfinished() == 0);
    });
}
TEST_CASE("rule: return value: TLM_UPDATED without a new phase") {
    Fixture f;
    f.target.forward = [](Payload&, Phase&, Time&) { return tlm::TLM_UPDATED; };
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.require_only(Rule::return_value, "back", 8);
    });
}
TEST_CASE("rule: return value: TLM_UPDATED to END_RESP") {
    Fixture f;
    f.target.forward = [](Payload&, Phase& phase, Time&) {
        return phase == tlm::END_RESP ? tlm::TLM_UPDATED : tlm::TLM_ACCEPTED;
    };
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.respond();
        f.forward(tlm::END_RESP);
        f.require_only(Rule::return_value, "back", 8);
        REQUIRE(f.checker.unfinished() == 0);
    });
}
TEST_CASE("rule: return value: a phase of the other side") {
    Fixture f;
    f.target.forward = [](Payload&, Phase& phase, Time&) {
        phase = tlm::END_RESP;
        return tlm::TLM_UPDATED;
    };
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.require_only(Rule::return_value, "back", 8);
    });
}
TEST_CASE("rule: return value: END_RESP to END_REQ") {
    Fixture f;
    f.initiator.backward = [](Payload&, Phase& phase, Time&) {
        phase = tlm::END_RESP;
        return tlm::TLM_UPDATED;
    };
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.backward(tlm::END_REQ);
        f.require_only(Rule::return_value, "front", 8);
    });
}
TEST_CASE("rule: return value: TLM_COMPLETED to END_REQ") {
    Fixture f;
    f.initiator.backward = [](Payload&, Phase& phase, Time&) {
        return phase == tlm::END_REQ ? tlm::TLM_COMPLETED : tlm::TLM_ACCEPTED;
    };
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.backward(tlm::END_REQ);
        f.require_only(Rule::return_value, "front", 8);
        f.respond();
        f.forward(tlm::END_RESP);
        f.require_only(Rule::return_value, "front", 8);
    });
}
TEST_CASE("rule: phase changed with TLM_ACCEPTED") {
    Fixture f;
    f.target.forward = [](Payload&, Phase& phase, Time&) {
        phase = tlm::END_REQ;
        return tlm::TLM_ACCEPTED;
    };
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.require_only(Rule::accepted_changed, "back", 8);
    });
}
TEST_CASE("rule: time changed with TLM_ACCEPTED") {
    Fixture f;
    f.initiator.backward = [](Payload&, Phase&, Time& delay) {
        delay += ps(1);
        return tlm::TLM_ACCEPTED;
    };
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.backward(tlm::END_REQ);
        f.require_only(Rule::accepted_changed, "front", 8);
    });
}

// ---- DMI and debug transport ----

TEST_CASE("rule: DMI range") {
    check_dmi(Rule::dmi_range, [](tlm::tlm_dmi& dmi) {
        dmi.set_start_address(16);
        dmi.set_end_address(15);
    });
}
TEST_CASE("rule: DMI address") {
    check_dmi(Rule::dmi_address, [](tlm::tlm_dmi& dmi) { dmi.set_end_address(15); });
}
TEST_CASE("rule: DMI access: none") {
    check_dmi(Rule::dmi_access, [](tlm::tlm_dmi& dmi) { dmi.allow_none(); });
}
TEST_CASE("rule: DMI access: other than the requested one") {
    check_dmi(Rule::dmi_access, [](tlm::tlm_dmi& dmi) { dmi.allow_write(); });
}
TEST_CASE("rule: DMI access: read only for a write") {
    Fixture f;
    f.target.dmi = [&](Payload&, tlm::tlm_dmi& dmi) {
        grant(dmi, f.target);
        dmi.allow_read();
        return true;
    };
    run_in_thread([&] {
        make_write(f);
        tlm::tlm_dmi dmi;
        REQUIRE(f.initiator.socket->get_direct_mem_ptr(f.payload, dmi));
        f.require_only(Rule::dmi_access, "back", 8);
    });
}
TEST_CASE("rule: DMI pointer") {
    check_dmi(Rule::dmi_pointer, [](tlm::tlm_dmi& dmi) { dmi.set_dmi_ptr(nullptr); });
}
TEST_CASE("rule: command of a DMI request") {
    Fixture f;
    run_in_thread([&] {
        f.payload.set_command(tlm::TLM_IGNORE_COMMAND);
        tlm::tlm_dmi dmi;
        REQUIRE_FALSE(f.initiator.socket->get_direct_mem_ptr(f.payload, dmi));
        f.require_only(Rule::command, "front", 8);
    });
}
TEST_CASE("rule: invalidated range") {
    Fixture f;
    run_in_thread([&] {
        f.target.socket->invalidate_direct_mem_ptr(16, 31);
        f.target.socket->invalidate_direct_mem_ptr(16, 16);
        f.require_clean();
        f.target.socket->invalidate_direct_mem_ptr(16, 15);
        f.require_only(Rule::invalidated_range, "back", 0);
        REQUIRE(f.initiator.invalidated ==
                std::vector<std::pair<std::uint64_t, std::uint64_t>>{{16, 31}, {16, 16}, {16, 15}});
    });
}
TEST_CASE("rule: debug count") {
    Fixture f;
    f.target.debug = [](Payload&) { return 9U; };
    run_in_thread([&] {
        REQUIRE(f.initiator.socket->transport_dbg(f.payload) == 9);
        f.require_only(Rule::debug_count, "back", 8);
    });
}
TEST_CASE("rule: data pointer of a debug access") {
    Fixture f;
    f.target.debug = [](Payload&) { return 0U; };
    run_in_thread([&] {
        f.payload.set_data_ptr(nullptr);
        f.payload.set_data_length(0);
        f.initiator.socket->transport_dbg(f.payload);
        f.require_clean();
        f.payload.set_data_length(8);
        f.initiator.socket->transport_dbg(f.payload);
        f.require_only(Rule::data_pointer, "front", 8);
    });
}

// ---- Clean traffic ----

TEST_CASE("blocking accesses that keep the rules pass unchanged") {
    Fixture f;
    run_in_thread([&] {
        Time delay = ps(5);
        f.initiator.socket->b_transport(f.payload, delay);
        REQUIRE(delay == ps(1005));
        REQUIRE(f.data == std::array<unsigned char, 8>{17, 18, 19, 20, 21, 22, 23, 24});
        f.prepare(f.payload, f.data, 0);
        f.enable_every_other(f.payload);
        f.initiator.blocking(f.payload);
        REQUIRE(f.data == std::array<unsigned char, 8>{1, 18, 3, 20, 5, 22, 7, 24});
        f.prepare(f.payload, f.data, 8);
        f.payload.set_command(tlm::TLM_WRITE_COMMAND);
        f.initiator.blocking(f.payload);
        REQUIRE(std::equal(f.data.begin(), f.data.end(), f.target.memory.begin() + 8));
        f.target.blocking = [&](Payload& p, Time&) {
            f.data.fill(0xee); // what a read that failed has left counts for nothing
            p.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
            p.set_dmi_allowed(true);
        };
        f.prepare(f.payload, f.data, 200);
        f.initiator.blocking(f.payload);
        REQUIRE(f.payload.get_response_status() == tlm::TLM_ADDRESS_ERROR_RESPONSE);
        f.require_clean();
        REQUIRE(f.checker.transactions(Kind::blocking) == 4);
        REQUIRE(f.checker.transactions() == 4);
        REQUIRE(f.checker.violations().empty());
        REQUIRE(f.checker.unfinished() == 0);
        REQUIRE(f.payload.get_ref_count() == 1);
    });
}

TEST_CASE("direct memory and debug accesses that keep the rules pass unchanged") {
    Fixture f;
    run_in_thread([&] {
        tlm::tlm_dmi dmi;
        REQUIRE_FALSE(f.initiator.socket->get_direct_mem_ptr(f.payload, dmi)); // denied: nothing to check
        f.target.dmi = [&](Payload&, tlm::tlm_dmi& granted) {
            grant(granted, f.target);
            granted.set_start_address(16); // exactly one byte
            granted.set_end_address(16);
            granted.allow_read();
            return true;
        };
        REQUIRE(f.initiator.socket->get_direct_mem_ptr(f.payload, dmi));
        REQUIRE(dmi.get_dmi_ptr() == f.target.memory.data());
        f.payload.set_response_status(tlm::TLM_OK_RESPONSE); // no attribute of a debug access
        REQUIRE(f.initiator.socket->transport_dbg(f.payload) == 8);
        REQUIRE(f.data[0] == 17);
        f.require_clean();
        REQUIRE(f.checker.transactions(Kind::dmi) == 2);
        REQUIRE(f.checker.transactions(Kind::debug) == 1);
        REQUIRE(f.checker.transactions() == 3);
    });
}

TEST_CASE("every legal way of a transaction through its phases passes, with either end of the response") {
    enum class Request { completed, updated_response, updated_end, accepted_end, accepted_response };
    enum class Response { completed, updated, accepted };
    Fixture f;
    run_in_thread([&] {
        std::uint64_t count = 0;
        for (const Request request : {Request::completed, Request::updated_response, Request::updated_end,
                                      Request::accepted_end, Request::accepted_response}) {
            for (const Response response : {Response::completed, Response::updated, Response::accepted}) {
                for (const tlm::tlm_sync_enum last : {tlm::TLM_ACCEPTED, tlm::TLM_COMPLETED}) {
                    CAPTURE(static_cast<int>(request), static_cast<int>(response), last);
                    f.target.forward = [&](Payload& p, Phase& phase, Time& delay) {
                        if (phase == tlm::END_RESP) {
                            return last;
                        }
                        if (request == Request::completed || request == Request::updated_response) {
                            f.target.serve(p);
                        }
                        if (request == Request::accepted_end || request == Request::accepted_response) {
                            return tlm::TLM_ACCEPTED;
                        }
                        delay += ps(7);
                        phase = request == Request::updated_end ? tlm::END_REQ : tlm::BEGIN_RESP;
                        return request == Request::completed ? tlm::TLM_COMPLETED : tlm::TLM_UPDATED;
                    };
                    f.initiator.backward = [&](Payload&, Phase& phase, Time& delay) {
                        if (phase == tlm::END_REQ || response == Response::accepted) {
                            return tlm::TLM_ACCEPTED;
                        }
                        delay += ps(3);
                        phase = tlm::END_RESP;
                        return response == Response::completed ? tlm::TLM_COMPLETED : tlm::TLM_UPDATED;
                    };
                    f.prepare(f.payload, f.data, 16);
                    f.forward(tlm::BEGIN_REQ, ps(1));
                    sc_core::wait(ps(100));
                    if (request == Request::accepted_end) {
                        f.backward(tlm::END_REQ);
                    }
                    const bool by_call = request == Request::updated_end ||
                                         request == Request::accepted_end ||
                                         request == Request::accepted_response;
                    if (by_call) {
                        f.respond();
                    }
                    if (request == Request::updated_response || (by_call && response == Response::accepted)) {
                        REQUIRE(f.checker.unfinished() == 1);
                        f.forward(tlm::END_RESP, ps(4));
                    }
                    f.require_clean();
                    REQUIRE(f.checker.unfinished() == 0);
                    REQUIRE(f.payload.get_ref_count() == 1);
                    REQUIRE(f.checker.transactions(Kind::nonblocking) == ++count);
                }
            }
        }
    });
}

TEST_CASE("phases that are not of the base protocol are passed on") {
    Fixture f;
    int heard = 0;
    f.target.forward = [&](Payload&, Phase& phase, Time&) {
        heard += phase == HEADS_UP ? 1 : 0;
        return tlm::TLM_ACCEPTED;
    };
    f.initiator.backward = f.target.forward;
    run_in_thread([&] {
        f.forward(HEADS_UP);
        f.forward(tlm::BEGIN_REQ);
        f.forward(HEADS_UP);
        f.backward(HEADS_UP);
        f.respond();
        f.backward(HEADS_UP);
        f.forward(tlm::END_RESP);
        f.require_clean();
        REQUIRE(heard == 4);
        REQUIRE(f.checker.unfinished() == 0);

        f.initiator.backward = [](Payload&, Phase&, Time&) { return tlm::TLM_COMPLETED; };
        f.target.blocking = [&](Payload& p, Time&) {
            f.target.serve(p);
            f.backward(HEADS_UP); // has nothing to do with the blocking access, even if it is answered
        };
        f.prepare(f.payload, f.data, 16);
        f.initiator.blocking(f.payload);
        f.require_clean();
        REQUIRE(f.checker.unfinished() == 0);
    });
}

TEST_CASE("an initiator that gives its payload back within the call, and one that answers within it") {
    Fixture f;
    f.initiator.backward = [&](Payload& p, Phase& phase, Time&) {
        if (&p == &f.payload) {
            p.release();
            return tlm::TLM_COMPLETED;
        }
        if (phase == tlm::BEGIN_RESP) {
            f.initiator.forward(p, tlm::END_RESP);
        }
        return tlm::TLM_ACCEPTED;
    };
    run_in_thread([&] {
        f.forward(tlm::BEGIN_REQ);
        f.respond();
        REQUIRE(f.pool.available() == 1);
        f.initiator.forward(f.other, tlm::BEGIN_REQ);
        f.target.serve(f.other);
        f.target.backward(f.other, tlm::BEGIN_RESP);
        f.require_clean();
        REQUIRE(f.checker.unfinished() == 0);
        REQUIRE(f.other.get_ref_count() == 1);
    });
}

TEST_CASE("a response may begin within the END_RESP of the one before") {
    Fixture f;
    f.target.forward = [&](Payload& p, Phase& phase, Time&) {
        if (phase == tlm::END_RESP && &p == &f.other) {
            f.respond();
        }
        return tlm::TLM_ACCEPTED;
    };
    run_in_thread([&] {
        f.initiator.forward(f.other, tlm::BEGIN_REQ);
        f.target.serve(f.other);
        f.target.backward(f.other, tlm::BEGIN_RESP);
        f.forward(tlm::BEGIN_REQ);
        f.initiator.forward(f.other, tlm::END_RESP);
        f.forward(tlm::END_RESP);
        f.require_clean();
        REQUIRE(f.checker.unfinished() == 0);
    });
}

TEST_CASE("what is unfinished can be listed") {
    Fixture f;
    f.target.blocking = [&](Payload& p, Time&) {
        REQUIRE(f.checker.unfinished() == 2);
        REQUIRE(f.checker.report_open() == "read of 8 bytes at 0x10, END_REQ since 30 ps\n"
                                           "write of 8 bytes at 0x20, b_transport since 25 ps\n");
        f.target.serve(p);
    };
    run_in_thread([&] {
        REQUIRE(f.checker.report_open().empty());
        f.forward(tlm::BEGIN_REQ);
        sc_core::wait(ps(20));
        f.backward(tlm::END_REQ, ps(10));
        f.other.set_command(tlm::TLM_WRITE_COMMAND);
        f.initiator.blocking(f.other, ps(5));
    });
    REQUIRE(f.checker.unfinished() == 1);
    f.require_clean();
}

// ---- Reports ----

TEST_CASE("a violation can throw in the offending call") {
    ProtocolChecker::Options options;
    options.on_violation = ProtocolChecker::OnViolation::raise;
    Fixture f(options);
    int arrived = 0;
    f.target.blocking = [&](Payload&, Time&) { ++arrived; };
    run_in_thread([&] {
        sc_core::wait(ps(40));
        f.payload.set_streaming_width(0);
        REQUIRE_THROWS_WITH(
            f.initiator.blocking(f.payload),
            "40 ps, fixture.checker.front, read of 8 bytes at 0x10: streaming width is 0 (14.15)");
        REQUIRE(arrived == 0);
        REQUIRE_THROWS_AS(f.initiator.blocking(f.other), core::SimulationError); // no response
        REQUIRE(arrived == 1);
        REQUIRE(f.checker.unfinished() == 0);
        REQUIRE(f.checker.violation_count() == 2);
        REQUIRE(f.checker.violations()[1].rule == Rule::response_missing);
        REQUIRE_THROWS_AS(f.respond(), core::SimulationError);
    });
}

TEST_CASE("an exception of the target leaves nothing behind") {
    Fixture f;
    f.target.blocking = [](Payload&, Time&) { throw std::runtime_error("broken"); };
    run_in_thread([&] {
        REQUIRE_THROWS_WITH(f.initiator.blocking(f.payload), "broken");
        REQUIRE(f.checker.unfinished() == 0);
        f.require_clean();
    });
}

TEST_CASE("the summary has a line per violation, the rest is counted") {
    ProtocolChecker::Options options;
    options.max_recorded = 2;
    Fixture f(options);
    f.target.blocking = [](Payload&, Time&) {};
    run_in_thread([&] {
        f.payload.set_command(tlm::TLM_WRITE_COMMAND);
        for (int i = 0; i < 3; ++i) {
            f.initiator.blocking(f.payload);
        }
    });
    REQUIRE(f.checker.violations().size() == 2);
    REQUIRE(f.checker.violation_count() == 3);
    const std::string line = "0 ps, fixture.checker.back, write of 8 bytes at 0x10: response status is still "
                             "INCOMPLETE in the response (14.17)\n";
    REQUIRE(f.checker.summary() == line + line + "and 1 more\n");
}

TEST_CASE("every rule has a description of its own") {
    std::map<std::string, Rule> seen;
    for (int i = 0; i <= static_cast<int>(Rule::debug_count); ++i) {
        const std::string text = ProtocolChecker::description(static_cast<Rule>(i));
        REQUIRE(text != "unknown rule");
        REQUIRE(seen.emplace(text, static_cast<Rule>(i)).second);
    }
}

TEST_CASE("sockets of another width") {
    struct Wide : sc_core::sc_module {
        core::BasicProtocolChecker<64> first{"first"};
        core::BasicProtocolChecker<64> second{"second"};
        tlm_utils::simple_initiator_socket<Wide, 64> out{"out"};
        tlm_utils::simple_target_socket<Wide, 64> in{"in"};
        explicit Wide(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
            out.bind(first.front);
            first.back.bind(second.front); // one after the other
            second.back.bind(in);
            in.register_b_transport(this, &Wide::serve);
        }
        void serve(Payload& p, Time&) { p.set_response_status(tlm::TLM_OK_RESPONSE); }
    } wide("wide");
    run_in_thread([&] {
        Payload payload;
        unsigned char data[8] = {};
        payload.set_command(tlm::TLM_READ_COMMAND);
        payload.set_data_ptr(data);
        payload.set_data_length(8);
        payload.set_streaming_width(8);
        Time delay;
        wide.out->b_transport(payload, delay);
        REQUIRE(wide.first.summary().empty());
        REQUIRE(wide.second.summary().empty());
        REQUIRE(wide.second.transactions() == 1);
    });
}

TEST_CASE("clean transactions allocate nothing once the buffers are there") {
    Fixture f;
    f.target.forward = [&](Payload& p, Phase&, Time&) {
        f.target.serve(p);
        return tlm::TLM_COMPLETED;
    };
    run_in_thread([&] {
        std::uint64_t before = 0;
        for (int round = 0; round < 100; ++round) {
            before = round == 1 ? allocations : before;
            f.prepare(f.payload, f.data, 16);
            f.enable_every_other(f.payload);
            f.initiator.blocking(f.payload);
            make_write(f);
            f.payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
            f.forward(tlm::BEGIN_REQ);
        }
        const std::uint64_t after = allocations;
        REQUIRE(before > 0);
        REQUIRE(after == before);
        f.require_clean();
        REQUIRE(f.checker.transactions() == 200);
    });
}

// ---- Random traffic ----

namespace {

/// Random initiator and target that keep every rule, with all return paths, annotated delays, errors and byte
/// enables, up to 8 transactions at once, and blocking accesses of other payloads among them.
class Traffic : public sc_core::sc_module {
public:
    Traffic(const sc_core::sc_module_name& name, Fixture& fixture, unsigned transactions)
        : sc_core::sc_module(name), f_(fixture), wanted_(transactions) {
        f_.target.forward = [this](Payload& p, Phase& phase, Time& delay) {
            return at_target(p, phase, delay);
        };
        f_.initiator.backward = [this](Payload& p, Phase& phase, Time& delay) {
            return at_initiator(p, phase, delay);
        };
        SC_HAS_PROCESS(Traffic);
        SC_THREAD(serve);
        SC_THREAD(block);
    }

    /// Issues everything and waits until it is done.
    void run() {
        while (completed < wanted_) {
            pause();
            if (ended_ != nullptr) {
                Payload& payload = *ended_;
                ended_ = nullptr;
                f_.initiator.forward(payload, tlm::END_RESP, annotate(payload));
                finish(payload);
            } else if (issued_ < wanted_ && !request_ && under_way_.size() < 8) {
                issue();
            }
        }
    }

    unsigned completed = 0;
    std::uint64_t blocking = 0;
    std::map<std::string, unsigned> ways;
    std::size_t most_at_once = 0;

private:
    struct Access {
        std::array<unsigned char, 8> data{}, enables{};
        Time time; ///< of the last phase
    };

    unsigned random(unsigned below) { return static_cast<unsigned>(generator_() % below); }
    void pause() { sc_core::wait(ps(1 + random(20))); }

    /// A delay that does not take the transaction back in time.
    Time annotate(Payload& payload) {
        Time& last = under_way_.at(&payload).time;
        last = std::max(last, sc_core::sc_time_stamp() + ps(random(30)));
        return last - sc_core::sc_time_stamp();
    }

    void fill(Payload& p, Access& access) {
        for (unsigned i = 0; i < 8; ++i) {
            access.data[i] = static_cast<unsigned char>(random(256));
            access.enables[i] = random(2) == 0 ? TLM_BYTE_DISABLED : TLM_BYTE_ENABLED;
        }
        p.set_command(random(2) == 0 ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND);
        p.set_address(random(248));
        p.set_data_ptr(access.data.data());
        p.set_data_length(1 + random(8));
        p.set_streaming_width(p.get_data_length());
        if (random(3) == 0) {
            p.set_byte_enable_ptr(access.enables.data());
            p.set_byte_enable_length(1 + random(8));
        }
    }

    void issue() {
        Payload& payload = f_.pool.allocate();
        Access& access = under_way_[&payload];
        most_at_once = std::max(most_at_once, under_way_.size());
        fill(payload, access);
        ++issued_;
        request_ = true;
        Phase phase = tlm::BEGIN_REQ;
        Time delay = annotate(payload);
        const tlm::tlm_sync_enum status = f_.initiator.socket->nb_transport_fw(payload, phase, delay);
        if (status == tlm::TLM_COMPLETED) {
            request_ = false;
            ++ways["early"];
            finish(payload);
        } else if (status == tlm::TLM_UPDATED) {
            request_ = false;
            access.time = sc_core::sc_time_stamp() + delay;
            if (phase == tlm::BEGIN_RESP) {
                ended_ = &payload;
            }
        }
    }

    void finish(Payload& payload) {
        REQUIRE(payload.get_response_status() != tlm::TLM_INCOMPLETE_RESPONSE);
        ++completed;
        under_way_.erase(&payload);
        payload.release();
    }

    void answer(Payload& payload) {
        if (random(10) == 0) {
            payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
        } else {
            f_.target.serve(payload);
        }
    }

    tlm::tlm_sync_enum at_target(Payload& payload, Phase& phase, Time& delay) {
        if (phase == tlm::END_RESP) {
            response_ = false;
            return random(2) == 0 ? tlm::TLM_ACCEPTED : tlm::TLM_COMPLETED;
        }
        const unsigned way = random(4);
        if (way == 0) {
            answer(payload);
            delay += ps(random(30));
            return tlm::TLM_COMPLETED;
        }
        if (way == 1 && !response_) {
            ++ways["updated to response"];
            response_ = true;
            answer(payload);
            phase = tlm::BEGIN_RESP;
            delay += ps(random(30));
            return tlm::TLM_UPDATED;
        }
        payload.acquire();
        accepted_.push_back(&payload);
        if (way == 2) {
            ++ways["updated to end of request"];
            phase = tlm::END_REQ;
            delay += ps(random(30));
            return tlm::TLM_UPDATED;
        }
        unended_ = &payload;
        return tlm::TLM_ACCEPTED;
    }

    tlm::tlm_sync_enum at_initiator(Payload& payload, Phase& phase, Time& delay) {
        if (&payload == unended_) {
            request_ = false;
            unended_ = nullptr;
        }
        if (phase == tlm::END_REQ) {
            return tlm::TLM_ACCEPTED;
        }
        const unsigned way = random(3);
        if (way == 0) {
            ++ways["response accepted"];
            ended_ = &payload;
            return tlm::TLM_ACCEPTED;
        }
        ++ways[way == 1 ? "response updated" : "response completed"];
        phase = tlm::END_RESP;
        delay += ps(random(30));
        finish(payload);
        return way == 1 ? tlm::TLM_UPDATED : tlm::TLM_COMPLETED;
    }

    /// The target's side.
    void serve() {
        for (;;) {
            pause();
            if (unended_ != nullptr && random(2) == 0) {
                ++ways["end of request"];
                Payload& payload = *unended_;
                f_.target.backward(payload, tlm::END_REQ, annotate(payload));
            } else if (!accepted_.empty() && !response_ && random(2) == 0) {
                const auto chosen = accepted_.begin() + random(static_cast<unsigned>(accepted_.size()));
                Payload& payload = **chosen;
                accepted_.erase(chosen);
                ways["end of request skipped"] += &payload == unended_ ? 1 : 0;
                answer(payload);
                response_ = true;
                response_ =
                    f_.target.backward(payload, tlm::BEGIN_RESP, annotate(payload)) == tlm::TLM_ACCEPTED;
                payload.release();
            }
        }
    }

    /// Blocking accesses, some of which take simulated time.
    void block() {
        f_.target.blocking = [this](Payload& p, Time& delay) {
            answer(p);
            if (random(2) == 0) {
                sc_core::wait(delay + ps(random(50)));
                delay = sc_core::SC_ZERO_TIME;
            }
            delay += ps(random(50));
        };
        for (;;) {
            pause();
            pause();
            Access access;
            core::PooledPayload payload(f_.pool);
            fill(*payload, access);
            f_.initiator.blocking(*payload, ps(random(50)));
            ++blocking;
        }
    }

    Fixture& f_;
    unsigned wanted_;
    unsigned issued_ = 0;
    std::mt19937 generator_{1};
    std::map<Payload*, Access> under_way_;
    std::deque<Payload*> accepted_; ///< by the target, without a response so far
    Payload* unended_ = nullptr;    ///< its request has not ended
    Payload* ended_ = nullptr;      ///< its END_RESP is to be sent
    bool request_ = false;
    bool response_ = false;
};

} // namespace

TEST_CASE("20000 random interleaved transactions that keep the rules give no violation") {
    constexpr unsigned count = 20000;
    Fixture f;
    Traffic traffic("traffic", f, count);
    run_in_thread([&] { traffic.run(); });
    f.require_clean();
    REQUIRE(traffic.completed == count);
    REQUIRE(f.checker.transactions(Kind::nonblocking) == count);
    REQUIRE(traffic.blocking > 1000);
    REQUIRE(f.checker.transactions(Kind::blocking) - traffic.blocking <= 1);
    REQUIRE(f.checker.unfinished() <= 1); // a blocking access
    REQUIRE(traffic.most_at_once == 8);
    for (const char* way :
         {"early", "updated to response", "updated to end of request", "end of request",
          "end of request skipped", "response accepted", "response updated", "response completed"}) {
        CAPTURE(way);
        REQUIRE(traffic.ways[way] > 500);
    }
}
