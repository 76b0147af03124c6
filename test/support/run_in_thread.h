// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <systemc>

#include <exception>
#include <functional>
#include <utility>

namespace hydravp::test {

/// Runs a test's body in an SC_THREAD, stops the simulation when it ends, and passes its exception on
/// (Catch's assertions throw). Create the modules under test before; one call per process.
class ThreadBody : public sc_core::sc_module {
public:
    ThreadBody(const sc_core::sc_module_name& name, std::function<void()> body)
        : sc_core::sc_module(name), body_(std::move(body)) {
        SC_HAS_PROCESS(ThreadBody);
        SC_THREAD(run);
        set_stack_size(1 << 20);
    }
    void rethrow() const {
        if (exception_) {
            std::rethrow_exception(exception_);
        }
    }

private:
    void run() {
        try {
            body_();
        } catch (const sc_core::sc_unwind_exception&) {
            throw;
        } catch (...) {
            exception_ = std::current_exception();
        }
        sc_core::sc_stop();
    }

    std::function<void()> body_;
    std::exception_ptr exception_;
};

inline void run_in_thread(std::function<void()> body) {
    ThreadBody thread("test_body", std::move(body));
    sc_core::sc_start();
    thread.rethrow();
}

} // namespace hydravp::test
