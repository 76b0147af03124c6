// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hydravp/core/conv_schedule.h"
#include "hydravp/core/index.h"
#include "hydravp/core/layer.h"
#include "hydravp/core/work_item.h"
#include "hydravp/workloads/mapper.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hydravp::workloads {

/// What an access of a layer is for.
enum class AccessKind : std::uint8_t {
    weight_read,     ///< weights, and the biases before them
    activation_read, ///< the layer's input
    residual_read,   ///< the tensor that is added to the output
    output_write
};
constexpr std::size_t access_kinds = 4;
const char* to_string(AccessKind kind);

/// One access of a layer to memory: whole words, never across a multiple of the access size.
struct TrafficAccess {
    core::LayerId layer = core::no_layer;
    AccessKind kind = AccessKind::weight_read;
    std::uint64_t address = 0;
    std::uint32_t bytes = 0;
    bool is_write() const { return kind == AccessKind::output_write; }
};

/// Bytes that a layer moves, by kind.
struct LayerTraffic {
    std::array<std::uint64_t, access_kinds> bytes{};

    std::uint64_t& operator[](AccessKind kind) { return bytes[static_cast<std::size_t>(kind)]; }
    std::uint64_t operator[](AccessKind kind) const { return bytes[static_cast<std::size_t>(kind)]; }
    std::uint64_t total() const;
    friend bool operator==(const LayerTraffic& a, const LayerTraffic& b) { return a.bytes == b.bytes; }
};

/// The traffic of a mapped layer in closed form, without generating its accesses.
LayerTraffic layer_traffic(const core::LayerWork& work);

/// A stretch of memory, [base, base + bytes).
struct TrafficRegion {
    std::uint64_t base = 0;
    std::uint64_t bytes = 0;
    bool contains(std::uint64_t address, std::uint64_t length) const {
        return address >= base && length <= bytes && address - base <= bytes - length;
    }
};

/// A tensor in linear memory: planes of words, [row][column], without gaps. The channels c of one
/// residue class c mod split, those that one unit reads, follow each other; class follows class. The members
/// of a concat are channels of the tensor that it makes.
struct TrafficTensor {
    TrafficRegion region; ///< of all channels, also those of a concat's other members
    std::uint32_t channels = 0;
    std::uint32_t first_channel = 0, all_channels = 0; ///< of those in the region
    std::uint32_t split = 1;
    std::uint64_t plane_bytes = 0;

    std::uint64_t address(std::uint32_t channel) const;
};

/// Where the traffic goes. What is not given lies right behind the region before.
struct TrafficLayout {
    std::uint64_t activations_base = 0;
    std::optional<std::uint64_t> second_activations_base;
    std::optional<std::uint64_t> weights_base;
};

class LayerStream;

/// The memory traffic of a mapped network: what its units would read and write if everything lay in one
/// linear memory.
///
/// A layer's accesses follow its loop nest (`core::ConvSchedule`): activations of a fetch, unit by unit, then
/// the weights of its chunks; at the end of a pass the shortcut and the outputs. As the mapping says, weights
/// are read again for every tile of outputs unless they are resident, activations for every group of filters
/// unless they stay in the buffer. Every output word is written once, also where the platform keeps copies in
/// several chips; a pooling is done once. Partial sums stay in the units and make no traffic.
///
/// Weights lie in one region, layer after layer, in the order of `core::LayerWork::controller.model_address`.
/// Tensors alternate between two regions: a layer of a chain reads from one and writes into the
/// other; within a region, a tensor lies at the lowest place that no tensor needed later occupies. The
/// members of a concat lie in the tensor that it makes.
class CnnTraffic {
public:
    /// Throws core::InputError if regions of the layout overlap.
    /// @param mapped for one frame, not for a batch
    CnnTraffic(const core::Network& network, const MappedNetwork& mapped, const TrafficLayout& layout);

    std::size_t layers() const { return plans_.size(); }
    const std::string& layer_name(std::size_t layer) const { return plans_[layer].name; }
    /// Closed form.
    const LayerTraffic& traffic(std::size_t layer) const { return plans_[layer].traffic; }

    const TrafficRegion& weights() const { return weights_; }
    const TrafficRegion& activations(std::size_t which) const { return activations_[which]; }
    /// A layer's weights; nothing for pooling.
    const TrafficRegion& weights_of(std::size_t layer) const { return plans_[layer].weights; }
    /// What layer `index` (or core::network_input) produces.
    const TrafficTensor& tensor(int index) const { return tensors_[place_of(index)]; }
    /// The tensor that a layer's accesses of this kind belong to, as for `tensor()`; a member's is the
    /// outermost concat's. Not for weights.
    int tensor_of(std::size_t layer, AccessKind kind) const;

    /// The accesses of a layer from its first one on; *this must outlive it.
    /// @param access_bytes largest access, in whole words; throws std::invalid_argument otherwise
    LayerStream stream(std::size_t layer, std::uint32_t access_bytes) const;

private:
    friend class LayerStream;
    struct Plan {
        std::string name;
        core::LayerWork work;
        LayerTraffic traffic;
        TrafficRegion weights;
        int input = core::network_input;
        std::optional<int> residual;
    };
    /// Of layer `index`'s output in the lists of tensors; the network's input comes first.
    static std::size_t place_of(int index) { return static_cast<std::size_t>(std::ptrdiff_t{index} + 1); }
    std::vector<std::size_t> last_readers(const core::Network& network) const;
    void place_tensors(const core::Network& network, const MappedNetwork& mapped);
    void place_regions(const TrafficLayout& layout);

    std::vector<Plan> plans_;
    std::vector<TrafficTensor> tensors_;
    std::vector<int> root_of_; ///< the tensor itself, or the outermost concat that it is part of
    std::vector<std::uint8_t> region_of_;
    std::array<TrafficRegion, 2> activations_;
    TrafficRegion weights_;
};

/// The accesses of one layer, made one at a time.
class LayerStream {
public:
    /// A stream that has ended.
    LayerStream() = default;
    /// Makes the next access; false at the end.
    bool next(TrafficAccess& access);

private:
    friend class CnnTraffic;
    enum class Step { biases, activations, weights, residual, outputs, end };
    /// `count` pieces of the same size, `stride` apart.
    struct Block {
        AccessKind kind = AccessKind::weight_read;
        std::uint64_t address = 0, stride = 0, bytes = 0;
        std::uint32_t count = 0;
    };

    LayerStream(const CnnTraffic& traffic, std::size_t layer, std::uint32_t access_bytes);
    bool next_block();
    void after_weights();
    void after_outputs();
    void begin(Step step);
    bool activation_block(core::Unit unit);
    bool weight_block();
    bool residual_block(std::uint32_t part, std::uint32_t residue);
    bool output_block(std::uint32_t part, std::uint32_t residue);
    bool pooled_block(core::Unit unit);
    bool set_planes(AccessKind kind, const TrafficTensor& tensor, std::uint32_t first_channel,
                    std::uint32_t channels, core::Range words);
    bool set_filters(AccessKind kind, const TrafficTensor& tensor, core::Range filters, std::uint32_t residue,
                     core::Range words);
    std::uint32_t units_at_work() const;
    std::uint32_t output_parts() const;
    core::Range filters_of(std::uint32_t part) const;
    core::Range positions_of(std::uint32_t part) const;

    const core::LayerWork* work_ = nullptr;
    const TrafficTensor* input_ = nullptr;
    const TrafficTensor* output_ = nullptr;
    const TrafficTensor* residual_ = nullptr;
    TrafficRegion weights_;
    core::ConvSchedule schedule_;
    core::LayerId layer_ = core::no_layer;
    bool pooling_ = false;
    std::uint32_t access_bytes_ = 0;

    Step step_ = Step::end;
    std::uint32_t pass_ = 0, fetch_ = 0;
    std::uint32_t outer_ = 0,
                  inner_ = 0;        ///< unit, or part of the outputs and residue class, of the next block
    std::uint64_t next_weights_ = 0; ///< address of the next chunk
    Block block_;
    std::uint64_t address_ = 0, left_ = 0; ///< of the present piece
};

} // namespace hydravp::workloads
