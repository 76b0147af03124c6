// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/cnn_traffic.h"

#include "hydravp/core/error.h"
#include "hydravp/workloads/network_library.h"

#include "network_maker.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

using namespace hydravp;
using namespace hydravp::workloads;
using core::LayerDescriptor;
using core::Network;

namespace {

/// What lies in both activation regions: of each word, the tensor that wrote it last.
class Words {
public:
    explicit Words(const CnnTraffic& traffic) : traffic_(traffic) {
        for (std::size_t i = 0; i < 2; ++i) {
            writers_[i].assign(traffic.activations(i).bytes / 2, nobody);
        }
        const TrafficRegion& input = traffic.tensor(core::network_input).region;
        for (std::uint64_t at = input.base; at < input.base + input.bytes; at += 2) {
            writer(at) = core::network_input;
        }
    }
    /// How many of the words the tensor wrote last.
    std::uint32_t written_by(int tensor, const TrafficAccess& access) {
        std::uint32_t count = 0;
        for (std::uint32_t i = 0; i < access.bytes; i += 2) {
            count += writer(access.address + i) == tensor ? 1 : 0;
        }
        return count;
    }
    void write(int tensor, const TrafficAccess& access) {
        for (std::uint32_t i = 0; i < access.bytes; i += 2) {
            writer(access.address + i) = tensor;
        }
    }

private:
    static constexpr int nobody = -2;
    int& writer(std::uint64_t address) {
        const std::size_t which = traffic_.activations(0).contains(address, 2) ? 0 : 1;
        return writers_[which].at((address - traffic_.activations(which).base) / 2);
    }
    const CnnTraffic& traffic_;
    std::vector<int> writers_[2];
};

/// Walks all accesses of a network and checks what must hold for each and for the whole.
void check_traffic(const Network& network, const MachineShape& machine, std::uint32_t access_bytes) {
    CAPTURE(network.name, access_bytes);
    const MappedNetwork mapped = map_network(network, {}, machine);
    const CnnTraffic traffic(network, mapped, {});
    REQUIRE(traffic.layers() == network.layers.size());
    Words words(traffic);
    for (std::size_t i = 0; i < traffic.layers(); ++i) {
        CAPTURE(i, traffic.layer_name(i));
        LayerTraffic sum;
        const TrafficRegion& weights = traffic.weights_of(i);
        std::uint64_t weights_seen = weights.base; // all weights below have been read
        bool right = true;
        TrafficAccess access;
        for (LayerStream stream = traffic.stream(i, access_bytes); stream.next(access);) {
            sum[access.kind] += access.bytes;
            right = right && access.layer == i && access.bytes > 0 && access.bytes % 2 == 0 &&
                    access.address / access_bytes == (access.address + access.bytes - 1) / access_bytes;
            if (access.kind == AccessKind::weight_read) {
                right =
                    right && weights.contains(access.address, access.bytes) && access.address <= weights_seen;
                weights_seen = std::max(weights_seen, access.address + access.bytes);
                continue;
            }
            const int tensor = traffic.tensor_of(i, access.kind);
            right = right && traffic.tensor(tensor).region.contains(access.address, access.bytes);
            if (!right) {
                break;
            }
            const std::uint32_t written = words.written_by(tensor, access);
            if (access.is_write()) {
                right = written == 0; // nothing twice
                words.write(tensor, access);
            } else {
                right = written == access.bytes / 2; // nothing that is not there
            }
            if (!right) {
                break;
            }
        }
        CAPTURE(to_string(access.kind), access.address, access.bytes);
        REQUIRE(right);
        REQUIRE(weights_seen == weights.base + weights.bytes);
        REQUIRE(sum.bytes == traffic.traffic(i).bytes);
        const bool moves = !network.layers[i].is_concat();
        REQUIRE(sum[AccessKind::output_write] == (moves ? network.layers[i].out.words() * 2 : 0));
        REQUIRE(sum[AccessKind::weight_read] >= network.layers[i].weights() * 2);
    }
}

/// 16 units, a chain of two convolutions of 16 channels on 8x8 words.
Network small_chain() {
    Network net;
    net.name = "chain";
    net.input = {16, 8, 8};
    for (int i = 0; i < 2; ++i) {
        LayerDescriptor layer;
        layer.name = "conv" + std::to_string(i);
        layer.input = i - 1;
        layer.in = layer.out = {16, 8, 8};
        layer.kernel_height = layer.kernel_width = 3;
        layer.pad_top = layer.pad_left = layer.pad_bottom = layer.pad_right = 1;
        net.layers.push_back(layer);
    }
    return net;
}

} // namespace

TEST_CASE("the accesses of VGG-16 are those of its totals, and every word is there when it is read") {
    check_traffic(make_network("vgg16"), {}, 64);
}

TEST_CASE("the same for VGG-19") {
    check_traffic(make_network("vgg19"), {}, 1024);
}

TEST_CASE("the same for ResNet-34, with and without projections") {
    check_traffic(make_network("resnet34"), {}, 64);
    check_traffic(make_network("resnet34-projection"), {}, 8192);
}

TEST_CASE("the same for the mapping of the paper's text") {
    MachineShape machine;
    machine.mapping = Mapping::paper_text;
    check_traffic(make_network("vgg16"), machine, 256);
    check_traffic(make_network("resnet34"), machine, 256);
}

TEST_CASE("the same for random networks on small and large machines") {
    for (const test::NamedMachine& machine : test::machines()) {
        CAPTURE(machine.name);
        test::NetworkMaker maker(21);
        for (int i = 0; i < 30; ++i) {
            Network network = maker.next();
            try {
                map_network(network, {}, machine.shape);
            } catch (const core::InputError&) {
                continue; // does not fit the machine
            }
            check_traffic(network, machine.shape, 64);
            check_traffic(network, machine.shape, 2);
        }
    }
}

TEST_CASE("a small layer's traffic by hand") {
    const Network network = small_chain();
    const MappedNetwork mapped = map_network(network, {}, {});
    const CnnTraffic traffic(network, mapped, {});
    const LayerTraffic& first = traffic.traffic(0);
    // One tile: each unit has one channel, of which it reads 128 bytes and, for two groups of filters, all
    // of 9 x 16 weights.
    CHECK(first[AccessKind::activation_read] == 16 * 128);
    CHECK(first[AccessKind::weight_read] == 16 * 8 + 16 * 9 * 16 * 2);
    CHECK(first[AccessKind::residual_read] == 0);
    CHECK(first[AccessKind::output_write] == 16 * 128);
    CHECK(first.total() == 16 * 128 + 16 * 8 + 16 * 9 * 16 * 2 + 16 * 128);

    // Biases, unit by unit the activations, which stay; for each group the weights and the outputs.
    std::vector<AccessKind> kinds;
    TrafficAccess access;
    for (LayerStream stream = traffic.stream(0, 128); stream.next(access);) {
        if (kinds.empty() || kinds.back() != access.kind) {
            kinds.push_back(access.kind);
        }
    }
    CHECK(kinds == std::vector<AccessKind>{AccessKind::weight_read, AccessKind::activation_read,
                                           AccessKind::weight_read, AccessKind::output_write,
                                           AccessKind::weight_read, AccessKind::output_write});
}

TEST_CASE("tensors alternate between two regions at the places that are asked for") {
    const Network network = small_chain();
    const MappedNetwork mapped = map_network(network, {}, {});
    const CnnTraffic behind(network, mapped, {});
    CHECK(behind.tensor(core::network_input).region.base == 0);
    CHECK(behind.tensor(0).region.base == behind.activations(1).base);
    CHECK(behind.activations(1).base == 8192);
    CHECK(behind.tensor(1).region.base == 0); // the input is no longer needed
    CHECK(behind.weights().base == 16384);

    TrafficLayout layout;
    layout.activations_base = 0x100000;
    layout.second_activations_base = 0x80000;
    layout.weights_base = 0;
    const CnnTraffic placed(network, mapped, layout);
    CHECK(placed.tensor(core::network_input).region.base == 0x100000);
    CHECK(placed.tensor(0).region.base == 0x80000);
    CHECK(placed.weights_of(0).base == 0);
    CHECK(placed.weights_of(1).base == placed.weights().base + 8192);

    layout.weights_base = 0x80000 - 8192;
    CHECK_THROWS_AS(CnnTraffic(network, mapped, layout), core::InputError);
}

TEST_CASE("an access is whole words") {
    const Network network = small_chain();
    const CnnTraffic traffic(network, map_network(network, {}, {}), {});
    CHECK_THROWS_AS(traffic.stream(0, 0), std::invalid_argument);
    CHECK_THROWS_AS(traffic.stream(0, 63), std::invalid_argument);
}
