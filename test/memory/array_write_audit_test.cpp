// SPDX-License-Identifier: Apache-2.0
#include "hydravp/memory/array_write_audit.h"

#include "hydravp/memory/command_auditor.h"
#include "hydravp/memory/interruptible_writes.h"

#include "memory_fixture.h"

#include <catch2/catch.hpp>

#include <functional>
#include <random>
#include <string>
#include <vector>

using namespace hydravp;
using namespace hydravp::test;
using memory::ArrayWriteAudit;
using memory::CommandExtension;
using memory::CommandKind;
using memory::InterruptibleWrites;

namespace {

/// An audit of one bank, whose row 1 is being written since time 0.
struct Audit {
    ArrayWriteAudit writes{interruptible_pcm(), 2};
    std::vector<std::string> found;
    ArrayWriteAudit::Report report = [this](const char* rule, Picoseconds, Picoseconds, const char*) {
        found.emplace_back(rule);
    };
    Audit() {
        writes.activate(0, 1, clocks(-50), report);
        writes.write(0, report);
        writes.precharge(0, clocks(0), report);
    }
    using Play = std::function<void(Audit&)>;
    static std::vector<std::string> after(const Play& play) {
        Audit audit;
        play(audit);
        return audit.found;
    }
};

const std::vector<std::string> right;

std::vector<std::string> one(const char* rule) {
    return {rule};
}

} // namespace

TEST_CASE("each rule of interrupted writes is kept at its limit and broken one picosecond beyond") {
    const Picoseconds ps{1};
    const auto pause = [](Picoseconds t) {
        return Audit::after([t](Audit& a) { a.writes.pause(0, t, a.report); });
    };
    CHECK(pause(clocks(45)) == right);
    CHECK(pause(clocks(45) + ps) == one("write_iteration"));
    CHECK(pause(clocks(60) + ps) == one("write_under_way"));
    const auto cancel = [](Picoseconds t) {
        return Audit::after([t](Audit& a) { a.writes.cancel(0, t, a.report); });
    };
    CHECK(cancel(clocks(45) - ps) == right);
    CHECK(cancel(clocks(45)) == one("write_cancel_threshold"));
    CHECK(cancel(clocks(60) + ps) == one("write_under_way"));
    const auto activate = [](Picoseconds paused, Picoseconds t, std::uint32_t row) {
        return Audit::after([=](Audit& a) {
            a.writes.pause(0, paused, a.report);
            a.writes.activate(0, row, t, a.report);
        });
    };
    CHECK(activate(clocks(1), clocks(15), 2) == right); // the first border
    CHECK(activate(clocks(1), clocks(15) - ps, 2) == one("write_iteration"));
    CHECK(activate(clocks(15), clocks(15), 2) == right);
    CHECK(activate(clocks(15) + ps, clocks(30) - ps, 2) == one("write_iteration"));
    CHECK(activate(clocks(1), clocks(15), 1) == one("write_latch"));
    const auto resume = [](Picoseconds t, Picoseconds next) {
        return Audit::after([=](Audit& a) {
            a.writes.pause(0, clocks(20), a.report);
            a.writes.resume(0, t, a.report);
            a.writes.activate(0, 2, next, a.report);
        });
    };
    CHECK(resume(clocks(30), clocks(60)) == right);
    CHECK(resume(clocks(30) - ps, clocks(60)) == one("write_iteration"));
    CHECK(resume(clocks(100), clocks(130)) == right); // half of it was left
    CHECK(resume(clocks(100), clocks(130) - ps) == one("write_end"));
    const auto anew = [](Picoseconds next) {
        return Audit::after([=](Audit& a) {
            a.writes.cancel(0, clocks(20), a.report);
            a.writes.resume(0, clocks(100), a.report);
            a.writes.activate(0, 1, next, a.report);
        });
    };
    CHECK(anew(clocks(160)) == right);
    CHECK(anew(clocks(160) - ps) == one("write_end"));
}

TEST_CASE("what an interrupted write forbids is reported") {
    const auto interrupted = [](const Audit::Play& play) {
        return Audit::after([&](Audit& a) {
            a.writes.pause(0, clocks(10), a.report);
            a.writes.activate(0, 2, clocks(15), a.report);
            REQUIRE(a.writes.interrupted(0));
            play(a);
        });
    };
    CHECK(interrupted([](Audit& a) { a.writes.write(0, a.report); }) == one("write_latch"));
    CHECK(interrupted([](Audit& a) { a.writes.precharge(0, clocks(60), a.report); }) == one("write_latch"));
    CHECK(interrupted([](Audit& a) { a.writes.other(0, a.report); }) == one("write_latch"));
    CHECK(interrupted([](Audit& a) { a.writes.pause(0, clocks(20), a.report); }) == one("write_under_way"));
    CHECK(interrupted([](Audit& a) { a.writes.write(1, a.report); }) == right); // another bank
    CHECK(Audit::after([](Audit& a) { a.writes.resume(0, clocks(9), a.report); }) == one("write_under_way"));
    CHECK(Audit::after([](Audit& a) { a.writes.pause(1, clocks(9), a.report); }) == one("write_under_way"));
    CHECK_FALSE(ArrayWriteAudit(pcm(), 2).on());
}

TEST_CASE("the times of interrupted writes are those that the audit accepts") {
    // Random interruptions by the model's own answers: never a violation, and the write ends when all of its
    // iterations are done.
    std::mt19937 random(3);
    for (int n = 0; n < 2000; ++n) {
        InterruptibleWrites writes(interruptible_pcm(), 1);
        Audit audit;
        CommandExtension command;
        const auto note = [&](CommandKind kind, Picoseconds t) {
            command.kind = kind;
            command.row = core::Row{1};
            command.issued = t;
            REQUIRE(writes.allows(command, 0));
            writes.note(command, 0);
        };
        note(CommandKind::activate, clocks(-50));
        note(CommandKind::write, clocks(-20));
        note(CommandKind::precharge, clocks(0));
        Picoseconds t{}, end = clocks(60), programmed{};
        for (int i = 0; i < 6; ++i) {
            const Picoseconds begin = t;
            t += Picoseconds{static_cast<std::int64_t>(1 + random() % 100'000)};
            const bool cancel = random() % 2 == 0;
            if (!(cancel ? writes.can_cancel(0, t) : writes.can_pause(0, t))) {
                break;
            }
            if (cancel) {
                const double lost = writes.cancel(0, t);
                REQUIRE(lost == Approx(static_cast<double>((programmed + t - begin).count()) /
                                       static_cast<double>(clocks(60).count())));
                REQUIRE(lost < 0.75);
                audit.writes.cancel(0, t, audit.report);
                programmed = Picoseconds{0};
            } else {
                audit.writes.pause(0, t, audit.report);
                const Picoseconds free = writes.pause(0, t);
                REQUIRE((free >= t && free < t + clocks(15) && free >= begin + clocks(15)));
                programmed += free - begin;
                t = free;
            }
            command.kind = CommandKind::activate;
            command.row = core::Row{1};
            REQUIRE_FALSE(writes.allows(command, 0)); // row 1 waits in the latch
            command.row = core::Row{2};
            REQUIRE(writes.allows(command, 0));
            for (const CommandKind kind : {CommandKind::write, CommandKind::precharge, CommandKind::refresh,
                                           CommandKind::power_down, CommandKind::lease}) {
                command.kind = kind;
                REQUIRE_FALSE(writes.allows(command, 0));
            }
            t += clocks(random() % 50);
            audit.writes.resume(0, t, audit.report);
            end = writes.resume(0, t);
            REQUIRE(end - t == clocks(60) - programmed);
        }
        audit.writes.activate(0, 2, end, audit.report);
        REQUIRE(audit.found == right);
    }
}
