// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/trace.h"

#include "vcd_reader.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <filesystem>

using namespace hydravp::core;
using hydravp::test::VcdReader;
namespace fs = std::filesystem;

namespace {

struct Module : sc_core::sc_module, Traceable {
    TraceSignal number, state;
    TraceReal real;

    explicit Module(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {}
    void trace(Tracer& tracer) override {
        number = tracer.wire(*this, "number", bits_for(32));
        state = tracer.states(*this, "state", {"idle", "busy", "waiting"});
        real = tracer.real(*this, "real");
    }
};

struct Rig {
    std::string path =
        (fs::temp_directory_path() / ("hydravp_trace_" + std::to_string(getpid()) + ".vcd")).string();
    VcdWriter writer{path, {}, [] { return now(); }};
    ~Rig() { fs::remove(path); }
};

} // namespace

TEST_CASE("bits_for finds the width of the largest value") {
    CHECK(bits_for(0) == 1);
    CHECK(bits_for(1) == 1);
    CHECK(bits_for(2) == 2);
    CHECK(bits_for(31) == 5);
    CHECK(bits_for(32) == 6);
    CHECK(bits_for(~std::uint64_t{0}) == 63);
}

TEST_CASE("a signal that nobody traces does nothing") {
    const TraceSignal signal;
    CHECK_FALSE(signal);
    signal.set(1);
    signal.hold(Picoseconds{0}, Picoseconds{1}, 1);
    TraceReal().set(1.0);
}

TEST_CASE("every traceable module is found, and its signals lie in its scope") {
    Rig rig;
    struct Outer : Module {
        Module inner{"inner"};
        using Module::Module;
    } outer("outer");
    Tracer tracer(rig.writer, {});
    const auto modules = collect_traceables();
    REQUIRE(modules.size() == 2);
    for (Traceable* module : modules) {
        module->trace(tracer);
    }
    outer.inner.number.set_at(Picoseconds{5}, 32);
    outer.state.hold(Picoseconds{5}, Picoseconds{9}, 2);
    outer.state.hold(Picoseconds{9}, Picoseconds{9}, 1); // no time at all
    outer.state.hold(Picoseconds{20}, Picoseconds{30}, 1);
    outer.real.set(2.5);
    rig.writer.finish(Picoseconds{40});
    const VcdReader vcd(rig.path);
    CHECK(vcd.signals().size() == 6);
    CHECK(vcd["outer.inner.number"].bits == 6);
    CHECK(vcd["outer.inner.number"].changes.size() == 1);
    CHECK(vcd["outer.state"].bits == 2);
    CHECK(vcd.time_in("outer.state", [](double value) { return value == 2; }) == 4);
    CHECK(vcd.time_in("outer.state", [](double value) { return value == 1; }) == 10);
    CHECK(vcd["outer.real"].initial == 2.5);
}

TEST_CASE("patterns select signals, and one that matches none is known") {
    Rig rig;
    Module first("first");
    Module second("second");
    Tracer tracer(rig.writer, {"first.*", "*.st?te", "third.*", "first"});
    first.trace(tracer);
    second.trace(tracer);
    CHECK(first.number);
    CHECK(first.real);
    CHECK(second.state);
    CHECK_FALSE(second.number);
    CHECK_FALSE(second.real);
    CHECK(tracer.names().size() == 6);
    CHECK(tracer.unmatched() == std::vector<std::string>{"third.*", "first"});
}
