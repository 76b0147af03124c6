// SPDX-License-Identifier: Apache-2.0
#include "hydravp/modules/cache.h"

#include "hydravp/core/attribution.h"
#include "hydravp/core/time.h"

#include <sysc/kernel/sc_dynamic_processes.h> // sc_spawn

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace hydravp::modules {

using core::LayerId;
using core::Picoseconds;

namespace {

constexpr std::uint64_t last_address = std::numeric_limits<std::uint64_t>::max();

/// The last byte of a range of at least one byte, cut at the end of the address space.
std::uint64_t last_of(std::uint64_t address, std::uint64_t bytes) {
    return bytes - 1 > last_address - address ? last_address : address + (bytes - 1);
}

/// A time that lies ahead as a delay from now on.
sc_core::sc_time delay_until(Picoseconds at) {
    return core::to_sc_time(std::max(at - core::now(), Picoseconds{0}));
}

/// Bytes of one streaming pass.
std::uint64_t width_of(const tlm::tlm_generic_payload& payload) {
    const std::uint64_t length = payload.get_data_length();
    const std::uint64_t width = payload.get_streaming_width();
    return width == 0 ? length : std::min(width, length);
}

} // namespace

Cache::Cache(const sc_core::sc_module_name& name, const CacheConfig& config, const std::string& account)
    : sc_core::sc_module(name),
      config_(config),
      tags_(config.size_bytes, config.ways, config.line_bytes),
      data_(config.size_bytes),
      miss_slots_(config.outstanding_misses),
      hits_(meter_.add(core::Quantity::count, account + "_hits")),
      misses_(meter_.add(core::Quantity::count, account + "_misses")),
      writebacks_(meter_.add(core::Quantity::count, account + "_writebacks")),
      snooped_(meter_.add(core::Quantity::count, account + "_snooped")) {
    for (const AddressRange& range : config.uncached) {
        const bool to_the_end = range.bytes == 0 - range.base;
        if (range.base % config.line_bytes != 0 || (!to_the_end && range.bytes % config.line_bytes != 0)) {
            throw std::invalid_argument("cache: uncached ranges must end at borders of lines");
        }
    }
    if (config.write_buffer_lines == 0) {
        throw std::invalid_argument("cache: the write buffer must hold a line");
    }
    upstream.register_b_transport(this, &Cache::b_transport);
    upstream.register_transport_dbg(this, &Cache::transport_dbg);
}

void Cache::attach(Cache& child) {
    constexpr std::size_t most_children = 64;
    if (child.tags_.line_bytes() != tags_.line_bytes() || child.parent_ != nullptr || parent_ != nullptr ||
        !child.children_.empty() || &child == this || children_.size() == most_children) {
        throw std::invalid_argument(
            "cache: a private cache needs a shared one with the same lines below it, and "
            "there are two levels and 64 private caches at most");
    }
    child.parent_ = this;
    child.child_number_ = children_.size();
    children_.push_back(&child);
}

void Cache::end_of_elaboration() {
    if (parent_ != nullptr) {
        return; // the shared cache has every line already and takes them at once
    }
    for (std::uint32_t i = 0; i < config_.write_buffer_lines; ++i) {
        sc_core::sc_spawn([this] { drain(); }, sc_core::sc_gen_unique_name("drain"));
    }
}

// ---------------------------------------------------------------------------------------------- accesses

const AddressRange* Cache::uncached_range(std::uint64_t address) const {
    for (const AddressRange& range : config_.uncached) {
        if (range.contains(address)) {
            return &range;
        }
    }
    return nullptr;
}

/// Whether the cache has to do with an access at all; the target judges whatever is odd about one.
bool Cache::is_cached(const tlm::tlm_generic_payload& payload) const {
    const bool plain = (payload.is_read() || payload.is_write()) && payload.get_data_length() > 0 &&
                       payload.get_data_ptr() != nullptr &&
                       (payload.get_byte_enable_ptr() == nullptr || payload.get_byte_enable_length() > 0);
    if (!plain) {
        return false;
    }
    const std::uint64_t address = payload.get_address();
    const std::uint64_t span = width_of(payload);
    if (span - 1 > last_address - address) {
        return false;
    }
    const AddressRange* range = uncached_range(address);
    return range == nullptr || span > range->bytes - (address - range->base);
}

void Cache::b_transport(int, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    CacheRequest* request = nullptr;
    payload.get_extension(request);
    if (request != nullptr && !children_.empty()) {
        Picoseconds at = core::now() + core::from_sc_time(delay);
        payload.set_response_status(serve_child(payload, *request, at));
        delay = delay_until(at);
        return;
    }
    if (!is_cached(payload)) {
        downstream->b_transport(payload, delay);
        payload.set_dmi_allowed(false);
        return;
    }
    const std::uint64_t length = payload.get_data_length();
    const std::uint64_t width = width_of(payload);
    Picoseconds lookup = core::now() + core::from_sc_time(delay);
    Picoseconds finished = lookup;
    tlm::tlm_response_status status = tlm::TLM_OK_RESPONSE;
    for (std::uint64_t done = 0; done < length && status == tlm::TLM_OK_RESPONSE;) {
        const std::uint64_t address = payload.get_address() + done % width;
        const AddressRange* uncached = uncached_range(address);
        const std::uint64_t left = uncached != nullptr ? uncached->bytes - (address - uncached->base)
                                                       : tags_.line_bytes() - address % tags_.line_bytes();
        Piece piece{};
        piece.write = payload.is_write();
        piece.address = address;
        piece.data = payload.get_data_ptr() + done;
        piece.bytes = std::min({length - done, width - done % width, left});
        piece.enables = payload.get_byte_enable_ptr();
        piece.enable_bytes = payload.get_byte_enable_length();
        piece.enable_offset = static_cast<std::size_t>(done);
        piece.layer = core::Attribution::layer_of(payload);
        Picoseconds at = lookup;
        if (uncached != nullptr) {
            status = pass_on(piece, at);
        } else {
            status = access(piece, at);
            lookup += config_.hit_latency;
        }
        finished = std::max(finished, at);
        done += piece.bytes;
    }
    payload.set_dmi_allowed(false);
    payload.set_response_status(status);
    delay = delay_until(finished);
}

/// The uncached part of an access that is cached elsewhere.
tlm::tlm_response_status Cache::pass_on(const Piece& piece, Picoseconds& at) {
    std::vector<unsigned char> enables;
    core::Attribution attribution;
    attribution.layer = piece.layer;
    core::PooledPayload part(payloads_);
    part->set_command(piece.write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
    part->set_address(piece.address);
    part->set_data_ptr(piece.data);
    part->set_data_length(static_cast<unsigned>(piece.bytes));
    part->set_streaming_width(static_cast<unsigned>(piece.bytes));
    part->set_extension(&attribution);
    if (piece.enables != nullptr) {
        for (std::uint64_t i = 0; i < piece.bytes; ++i) {
            enables.push_back(piece.enabled(i) ? 0xFF : 0);
        }
        part->set_byte_enable_ptr(enables.data());
        part->set_byte_enable_length(static_cast<unsigned>(enables.size()));
    }
    sc_core::sc_time delay = delay_until(at);
    downstream->b_transport(*part, delay);
    at = core::now() + core::from_sc_time(delay);
    return part->get_response_status();
}

tlm::tlm_response_status Cache::access(const Piece& piece, Picoseconds& at) {
    const std::uint64_t line = tags_.line_of(piece.address);
    const LineLock lock(locks(), line);
    at = std::max(at, core::now()) + config_.hit_latency;
    tlm::tlm_response_status status = tlm::TLM_OK_RESPONSE;
    std::size_t way = tags_.find(line);
    meter_.charge(way == CacheTags::none ? misses_ : hits_, piece.layer, 1.0);
    if (way == CacheTags::none) {
        status = fetch(line, piece.write, piece.layer, at, way);
    } else if (piece.write && !tags_[way].exclusive) {
        CacheRequest request;
        request.kind = CacheRequest::Kind::upgrade;
        status = send(tlm::TLM_IGNORE_COMMAND, line, nullptr, piece.layer, &request, at);
    }
    if (status != tlm::TLM_OK_RESPONSE) {
        return status;
    }
    CacheLine& entry = tags_[way];
    tags_.use(way);
    at = std::max(at, entry.ready);
    take_over(way, -1, piece.write, at);
    unsigned char* const bytes = data_of(way) + (piece.address - line);
    for (std::uint64_t i = 0; i < piece.bytes; ++i) {
        if (piece.enabled(i)) {
            (piece.write ? bytes[i] : piece.data[i]) = piece.write ? piece.data[i] : bytes[i];
        }
    }
    if (piece.write) {
        entry.exclusive = true;
        entry.dirty = true;
    }
    return status;
}

tlm::tlm_response_status Cache::serve_child(tlm::tlm_generic_payload& payload, CacheRequest& request,
                                            Picoseconds& at) {
    // The private cache holds the line's lock.
    const std::uint64_t line = payload.get_address();
    const LayerId layer = core::Attribution::layer_of(payload);
    const int child = static_cast<int>(request.child);
    at += config_.hit_latency;
    std::size_t way = tags_.find(line);
    if (request.kind == CacheRequest::Kind::fetch) {
        meter_.charge(way == CacheTags::none ? misses_ : hits_, layer, 1.0);
        if (way == CacheTags::none) {
            const tlm::tlm_response_status status = fetch(line, request.exclusive, layer, at, way);
            if (status != tlm::TLM_OK_RESPONSE) {
                return status;
            }
        }
        tags_.use(way);
    } else if (way == CacheTags::none) {
        throw std::logic_error(std::string(name()) +
                               ": a private cache has a line that the shared one has not");
    }
    CacheLine& entry = tags_[way];
    at = std::max(at, entry.ready);
    if (request.kind == CacheRequest::Kind::write_back) {
        std::memcpy(data_of(way), payload.get_data_ptr(), tags_.line_bytes());
        entry.dirty = true;
        entry.owner = -1;
        entry.sharers &= ~(std::uint64_t{1} << request.child);
        return tlm::TLM_OK_RESPONSE;
    }
    request.exclusive =
        take_over(way, child, request.exclusive || request.kind == CacheRequest::Kind::upgrade, at);
    if (request.kind == CacheRequest::Kind::fetch) {
        std::memcpy(payload.get_data_ptr(), data_of(way), tags_.line_bytes());
    }
    return tlm::TLM_OK_RESPONSE;
}

// ------------------------------------------------------------------------------------------ below the cache

tlm::tlm_response_status Cache::send(tlm::tlm_command command, std::uint64_t line, unsigned char* data,
                                     LayerId layer, CacheRequest* request, Picoseconds& at) {
    core::Attribution attribution;
    attribution.layer = layer;
    core::PooledPayload payload(payloads_);
    payload->set_command(command);
    payload->set_address(line);
    payload->set_data_ptr(data);
    payload->set_data_length(static_cast<unsigned>(tags_.line_bytes()));
    payload->set_streaming_width(static_cast<unsigned>(tags_.line_bytes()));
    payload->set_extension(&attribution);
    if (request != nullptr) {
        request->child = child_number_;
        payload->set_extension(request);
    }
    sc_core::sc_time delay = delay_until(at);
    downstream->b_transport(*payload, delay);
    at = core::now() + core::from_sc_time(delay);
    return payload->get_response_status();
}

/// Fetches a line into a way of its set.
tlm::tlm_response_status Cache::fetch(std::uint64_t line, bool exclusive, LayerId layer, Picoseconds& at,
                                      std::size_t& way) {
    for (;;) {
        way = tags_.victim(line, [this](const CacheLine& old) { return !locks().is_locked(old.address); });
        if (way != CacheTags::none) {
            break;
        }
        locks().wait_for_release(); // every line of the set is being worked on
        at = std::max(at, core::now());
    }
    if (tags_[way].valid) {
        evict(way, layer, at);
    }
    tags_.reserve(way, line);
    const std::size_t slot = take_miss_slot(at);
    CacheRequest request;
    request.exclusive = exclusive;
    const tlm::tlm_response_status status =
        send(tlm::TLM_READ_COMMAND, line, data_of(way), layer, parent_ != nullptr ? &request : nullptr, at);
    if (slot < miss_slots_.size()) {
        miss_slots_[slot] = at;
        slot_free_.notify();
    }
    if (status != tlm::TLM_OK_RESPONSE) {
        tags_.invalidate(way);
        return status;
    }
    tags_.fill(way);
    tags_[way].ready = at;
    tags_[way].exclusive = parent_ == nullptr || request.exclusive;
    return status;
}

/// The slot for a line that is fetched, and in `at` when it is free; one past the last if they are unlimited.
std::size_t Cache::take_miss_slot(Picoseconds& at) {
    if (miss_slots_.empty()) {
        return 0;
    }
    for (;;) {
        const auto slot = std::min_element(miss_slots_.begin(), miss_slots_.end());
        if (*slot != Picoseconds::max()) {
            at = std::max(at, *slot);
            *slot = Picoseconds::max();
            return static_cast<std::size_t>(slot - miss_slots_.begin());
        }
        wait(slot_free_);
        at = std::max(at, core::now());
    }
}

/// Empties a way whose line nobody has locked.
void Cache::evict(std::size_t way, LayerId layer, Picoseconds& at) {
    LineLock lock(locks(), tags_[way].address);
    Picoseconds ready = std::max(at, tags_[way].ready);
    take_back(way, ready);
    if (!tags_[way].dirty) {
        tags_.invalidate(way);
        return;
    }
    if (parent_ != nullptr) {
        meter_.charge(writebacks_, layer, 1.0);
        CacheRequest request;
        request.kind = CacheRequest::Kind::write_back;
        send(tlm::TLM_WRITE_COMMAND, tags_[way].address, data_of(way), layer, &request, ready);
        tags_.invalidate(way);
        return;
    }
    while (write_buffer_.size() >= config_.write_buffer_lines) {
        wait(drained_);
        at = std::max(at, core::now());
    }
    lock.hand_over();
    buffer(way, layer, ready);
}

/// Moves a dirty, locked line into the write buffer.
void Cache::buffer(std::size_t way, LayerId layer, Picoseconds at) {
    meter_.charge(writebacks_, layer, 1.0);
    const unsigned char* const data = data_of(way);
    write_buffer_.push_back({tags_[way].address, {data, data + tags_.line_bytes()}, layer, at, false, false});
    tags_.invalidate(way);
    buffered_.notify();
}

/// One of as many threads as the write buffer has lines.
void Cache::drain() {
    for (;;) {
        const auto entry = std::find_if(write_buffer_.begin(), write_buffer_.end(),
                                        [](const Buffered& line) { return !line.taken; });
        if (entry == write_buffer_.end()) {
            sc_core::wait(buffered_);
            continue;
        }
        entry->taken = true;
        Picoseconds at = entry->at;
        if (send(tlm::TLM_WRITE_COMMAND, entry->address, entry->data.data(), entry->layer, nullptr, at) !=
            tlm::TLM_OK_RESPONSE) {
            ++refused_;
            SC_REPORT_WARNING(name(), "memory refused a line that was written back; it is lost");
        }
        entry->sent = true;
        own_locks_.unlock(entry->address);
        if (at > core::now()) {
            sc_core::wait(delay_until(at));
        }
        write_buffer_.erase(entry);
        drained_.notify();
    }
}

// --------------------------------------------------------------------------------------------- coherence

/// Makes a line, which is locked, ready for an access of `child` (-1: of somebody else): takes what another
/// private cache has written and, if it is to be written, the line from all others. True if no other one
/// holds it now.
bool Cache::take_over(std::size_t way, int child, bool exclusive, Picoseconds& at) {
    CacheLine& line = tags_[way];
    const std::uint64_t own = child < 0 ? 0 : std::uint64_t{1} << child;
    std::uint64_t others = 0;
    if (exclusive) {
        others = line.sharers & ~own;
    } else if (line.owner >= 0 && line.owner != child) {
        others = std::uint64_t{1} << line.owner;
    }
    Picoseconds latest = at;
    for (std::size_t i = 0; others >> i != 0; ++i) {
        if ((others >> i & 1) == 0) {
            continue;
        }
        Picoseconds ready = at;
        if (children_[i]->snoop(line.address, !exclusive, data_of(way), line.dirty, ready)) {
            latest = std::max(latest, ready + children_[i]->config_.hit_latency);
        }
        if (i + 1 == 64) {
            break;
        }
    }
    at = latest;
    if (others != 0) {
        line.owner = -1;
    }
    line.sharers = (exclusive ? line.sharers & own : line.sharers) | own;
    const bool alone = child >= 0 && line.sharers == own;
    if (alone) {
        line.owner = child;
    }
    return alone;
}

/// Takes a locked line from all private caches.
void Cache::take_back(std::size_t way, Picoseconds& at) {
    if (tags_[way].sharers != 0) {
        take_over(way, -1, true, at);
    }
}

/// Gives a line that was written to the shared cache, and drops it unless `keep`. True if it was there.
bool Cache::snoop(std::uint64_t line, bool keep, unsigned char* data, bool& dirty, Picoseconds& ready) {
    const std::size_t way = tags_.find(line);
    if (way == CacheTags::none) {
        return false;
    }
    CacheLine& entry = tags_[way];
    meter_.charge(snooped_, core::no_layer, 1.0);
    ready = std::max(ready, entry.ready);
    if (entry.dirty) {
        std::memcpy(data, data_of(way), tags_.line_bytes());
        dirty = true;
    }
    entry.dirty = false;
    entry.exclusive = false;
    if (!keep) {
        tags_.invalidate(way);
    }
    return true;
}

std::vector<std::uint64_t> Cache::cached_lines(std::uint64_t first, std::uint64_t last) const {
    std::vector<std::uint64_t> lines;
    if (tags_.empty()) {
        return lines;
    }
    first = tags_.line_of(first);
    if ((last - first) / tags_.line_bytes() >= tags_.size()) {
        for (std::size_t way = 0; way < tags_.size(); ++way) {
            if (tags_[way].valid && tags_[way].address >= first && tags_[way].address <= last) {
                lines.push_back(tags_[way].address);
            }
        }
        return lines;
    }
    for (std::uint64_t line = first; line <= last; line += tags_.line_bytes()) {
        if (tags_.find(line) != CacheTags::none) {
            lines.push_back(line);
        }
        if (line > last_address - tags_.line_bytes()) {
            break;
        }
    }
    return lines;
}

bool Cache::is_buffered(std::uint64_t first, std::uint64_t last) const {
    return std::any_of(write_buffer_.begin(), write_buffer_.end(), [&](const Buffered& line) {
        return line.address <= last && line.address + (tags_.line_bytes() - 1) >= first;
    });
}

bool Cache::flush(std::uint64_t address, std::uint64_t bytes, sc_core::sc_time& delay, LayerId layer) {
    if (parent_ != nullptr) {
        return parent_->flush(address, bytes, delay, layer);
    }
    if (bytes == 0) {
        return true;
    }
    const std::uint64_t last = last_of(address, bytes);
    const std::size_t refused = refused_;
    Picoseconds at = core::now() + core::from_sc_time(delay);
    for (const std::uint64_t line : cached_lines(address, last)) {
        LineLock lock(own_locks_, line);
        const std::size_t way = tags_.find(line);
        if (way == CacheTags::none) {
            continue; // evicted meanwhile
        }
        at = std::max(at, core::now()) + config_.hit_latency;
        take_back(way, at);
        if (!tags_[way].dirty) {
            tags_.invalidate(way);
            continue;
        }
        while (write_buffer_.size() >= config_.write_buffer_lines) {
            wait(drained_);
            at = std::max(at, core::now());
        }
        lock.hand_over();
        buffer(way, layer, std::max(at, tags_[way].ready));
    }
    while (is_buffered(address, last)) {
        wait(drained_);
    }
    delay = delay_until(at);
    return refused_ == refused;
}

bool Cache::invalidate(std::uint64_t address, std::uint64_t bytes, sc_core::sc_time& delay, LayerId layer) {
    if (parent_ != nullptr) {
        return parent_->invalidate(address, bytes, delay, layer);
    }
    if (bytes == 0) {
        return true;
    }
    const std::uint64_t last = last_of(address, bytes);
    bool ok = true;
    Picoseconds at = core::now() + core::from_sc_time(delay);
    for (const std::uint64_t line : cached_lines(address, last)) {
        if (line < address || line + (tags_.line_bytes() - 1) > last) { // others' bytes beside ours
            sc_core::sc_time flushed = delay_until(at);
            ok = flush(line, 1, flushed, layer) && ok;
            at = core::now() + core::from_sc_time(flushed);
            continue;
        }
        const LineLock lock(own_locks_, line);
        const std::size_t way = tags_.find(line);
        if (way != CacheTags::none) {
            at = std::max(at, core::now()) + config_.hit_latency;
            take_back(way, at);
            tags_.invalidate(way);
        }
    }
    while (is_buffered(address, last)) {
        wait(drained_);
    }
    delay = delay_until(at);
    return ok;
}

// ------------------------------------------------------------------------------------------------- debug

unsigned Cache::transport_dbg(int, tlm::tlm_generic_payload& payload) {
    const unsigned done = downstream->transport_dbg(payload);
    const bool moves = payload.is_read() || payload.is_write();
    if (parent_ == nullptr && moves && done > 0 && payload.get_data_ptr() != nullptr) {
        overlay(payload.get_address(), payload.get_data_ptr(), std::min(done, payload.get_data_length()),
                payload.is_write());
    }
    return done;
}

/// A debug read, of which memory's bytes are there already, takes what is cached; a write changes it.
void Cache::overlay(std::uint64_t address, unsigned char* data, std::uint64_t bytes, bool write) {
    const std::uint64_t last = last_of(address, bytes);
    const auto move = [&](std::uint64_t line, unsigned char* cached) {
        const std::uint64_t first = std::max(line, address);
        const std::size_t count = std::min(last, line + (tags_.line_bytes() - 1)) - first + 1;
        unsigned char* const outside = data + (first - address);
        std::memcpy(write ? cached + (first - line) : outside, write ? outside : cached + (first - line),
                    count);
    };
    for (Buffered& line : write_buffer_) {
        if (!line.sent && line.address <= last && line.address + (tags_.line_bytes() - 1) >= address) {
            move(line.address, line.data.data());
        }
    }
    const std::uint64_t first = tags_.line_of(address);
    const bool whole_cache = (last - first) / tags_.line_bytes() >= tags_.size();
    for (std::size_t way = 0; whole_cache && way < tags_.size(); ++way) {
        const CacheLine& line = tags_[way];
        if ((line.valid || (line.reserved && write)) && line.address >= first && line.address <= last) {
            move(line.address, data_of(way));
        }
    }
    for (std::uint64_t line = first; !whole_cache && !tags_.empty() && line <= last;
         line += tags_.line_bytes()) {
        const std::size_t way = write ? tags_.find_expected(line) : tags_.find(line);
        if (way != CacheTags::none) {
            move(line, data_of(way));
        }
        if (line > last_address - tags_.line_bytes()) {
            break;
        }
    }
    for (Cache* child : children_) {
        child->overlay(address, data, bytes, write);
    }
}

} // namespace hydravp::modules
