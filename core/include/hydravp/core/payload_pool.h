// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tlm>

#include <cstddef>
#include <memory>
#include <vector>

namespace hydravp::core {

/// A TLM memory manager that keeps released payloads for reuse.
///
/// Single-threaded like the kernel. Extensions set with `set_auto_extension` are freed on release; all others
/// belong to whoever set them: a payload forgets them on release and when the pool ends, even if that happens
/// in the middle of a transaction. The pool must outlive every payload that it handed out.
class PayloadPool : public tlm::tlm_mm_interface {
public:
    PayloadPool() = default;
    ~PayloadPool() override;
    PayloadPool(const PayloadPool&) = delete;
    PayloadPool& operator=(const PayloadPool&) = delete;

    /// A payload with reference count 1 and the response status INCOMPLETE; give it back with `release()`.
    tlm::tlm_generic_payload& allocate();
    void free(tlm::tlm_generic_payload* payload) override;

    std::size_t created() const { return owned_.size(); }
    std::size_t available() const { return free_.size(); }

private:
    std::vector<std::unique_ptr<tlm::tlm_generic_payload>> owned_;
    std::vector<tlm::tlm_generic_payload*> free_;
};

/// A pooled payload for the length of a scope.
class PooledPayload {
public:
    explicit PooledPayload(PayloadPool& pool) : payload_(pool.allocate()) {}
    ~PooledPayload() { payload_.release(); }
    PooledPayload(const PooledPayload&) = delete;
    PooledPayload& operator=(const PooledPayload&) = delete;
    tlm::tlm_generic_payload& operator*() { return payload_; }
    tlm::tlm_generic_payload* operator->() { return &payload_; }

private:
    tlm::tlm_generic_payload& payload_;
};

} // namespace hydravp::core
