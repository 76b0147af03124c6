// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/payload_pool.h"

#include "hydravp/core/attribution.h"

#include <catch2/catch.hpp>

#include <set>
#include <stdexcept>
#include <vector>

using namespace hydravp::core;

namespace {

struct Counted : tlm::tlm_extension<Counted> {
    static int alive;
    Counted() { ++alive; }
    Counted(const Counted&) = delete;
    ~Counted() override { --alive; }
    tlm_extension_base* clone() const override { return new Counted; }
    void copy_from(const tlm_extension_base&) override {}
};
int Counted::alive = 0;

} // namespace

TEST_CASE("a payload is reused, not made anew") {
    PayloadPool pool;
    REQUIRE(pool.created() == 0);
    tlm::tlm_generic_payload& first = pool.allocate();
    REQUIRE(first.get_ref_count() == 1);
    REQUIRE(pool.created() == 1);
    REQUIRE(pool.available() == 0);
    first.release();
    REQUIRE(pool.available() == 1);
    tlm::tlm_generic_payload& second = pool.allocate();
    REQUIRE(&second == &first);
    REQUIRE(second.get_ref_count() == 1);
    REQUIRE(pool.created() == 1);
    second.release();
}

TEST_CASE("payloads in use are distinct, the pool grows to what is needed at once") {
    PayloadPool pool;
    for (int round = 0; round < 3; ++round) {
        std::set<tlm::tlm_generic_payload*> used;
        for (int i = 0; i < 5; ++i) {
            used.insert(&pool.allocate());
        }
        REQUIRE(used.size() == 5);
        for (tlm::tlm_generic_payload* payload : used) {
            payload->release();
        }
    }
    REQUIRE(pool.created() == 5);
    REQUIRE(pool.available() == 5);
}

TEST_CASE("nothing of a payload's former life is left that changes an access") {
    PayloadPool pool;
    unsigned char enable = 0;
    tlm::tlm_generic_payload& old = pool.allocate();
    old.set_response_status(tlm::TLM_OK_RESPONSE);
    old.set_byte_enable_ptr(&enable);
    old.set_byte_enable_length(1);
    old.set_dmi_allowed(true);
    old.release();
    tlm::tlm_generic_payload& payload = pool.allocate();
    REQUIRE(payload.get_response_status() == tlm::TLM_INCOMPLETE_RESPONSE);
    REQUIRE(payload.get_byte_enable_ptr() == nullptr);
    REQUIRE(payload.get_byte_enable_length() == 0);
    REQUIRE_FALSE(payload.is_dmi_allowed());
    payload.release();
}

TEST_CASE("whoever acquires a payload keeps it") {
    PayloadPool pool;
    tlm::tlm_generic_payload* kept = nullptr;
    {
        PooledPayload payload(pool);
        payload->set_address(42);
        REQUIRE((*payload).get_address() == 42);
        payload->acquire();
        kept = &*payload;
    }
    REQUIRE(pool.available() == 0);
    REQUIRE(kept->get_address() == 42);
    kept->release();
    REQUIRE(pool.available() == 1);
}

TEST_CASE("a scope gives its payload back when it is left by an exception") {
    PayloadPool pool;
    const auto body = [&] {
        PooledPayload payload(pool);
        throw std::runtime_error("left");
    };
    REQUIRE_THROWS_AS(body(), std::runtime_error);
    REQUIRE(pool.available() == 1);
}

TEST_CASE("automatic extensions are freed on release") {
    {
        PayloadPool pool;
        {
            PooledPayload payload(pool);
            payload->set_auto_extension(new Counted);
            REQUIRE(Counted::alive == 1);
        }
        REQUIRE(Counted::alive == 0);
        PooledPayload payload(pool);
        REQUIRE(payload->get_extension<Counted>() == nullptr);
    }
    REQUIRE(Counted::alive == 0);
}

TEST_CASE("an extension that was lent is not freed with the pool, however the transaction ended") {
    // The usual pattern: an extension that is a member, set for the call and cleared after it.
    Attribution lent;
    lent.layer = 3;
    {
        PayloadPool pool;
        const auto body = [&] {
            PooledPayload payload(pool);
            payload->set_extension(&lent);
            throw std::runtime_error("the target threw");
        };
        REQUIRE_THROWS_AS(body(), std::runtime_error);
        PooledPayload next(pool); // the next transaction does not inherit it
        REQUIRE(next->get_extension<Attribution>() == nullptr);
    }
    {
        PayloadPool pool;
        pool.allocate().set_extension(&lent); // the simulation ended in the middle of the call
    }
    REQUIRE(lent.layer == 3);
}
