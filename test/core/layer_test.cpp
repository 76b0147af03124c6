// SPDX-License-Identifier: Apache-2.0
#include "hydravp/core/layer.h"

#include <catch2/catch.hpp>

#include <functional>
#include <stdexcept>

using namespace hydravp::core;
using Catch::Matchers::Contains;

namespace {

/// conv (3x8x8 -> 4x8x8), pool (-> 4x4x4), conv with the network's input as shortcut, fc.
Network sound() {
    Network net;
    net.name = "sound";
    net.input = {3, 8, 8};
    LayerDescriptor a;
    a.name = "a";
    a.in = net.input;
    a.out = {4, 8, 8};
    a.kernel_height = a.kernel_width = 3;
    a.pad_top = a.pad_left = a.pad_bottom = a.pad_right = 1;
    LayerDescriptor b;
    b.name = "b";
    b.kind = LayerKind::max_pool;
    b.input = 0;
    b.in = a.out;
    b.out = {4, 4, 4};
    b.kernel_height = b.kernel_width = b.stride_height = b.stride_width = 2;
    LayerDescriptor c;
    c.name = "c";
    c.input = 1;
    c.in = b.out;
    c.out = {5, 4, 4};
    c.residual = ResidualInput{network_input, 2};
    LayerDescriptor d;
    d.name = "d";
    d.kind = LayerKind::fully_connected;
    d.input = 2;
    d.in = c.out;
    d.out = {10, 1, 1};
    d.kernel_height = d.kernel_width = 4;
    net.layers = {a, b, c, d};
    return net;
}

void refused(const char* layer, const char* why, const std::function<void(Network&)>& spoil) {
    Network net = sound();
    spoil(net);
    CAPTURE(layer, why);
    REQUIRE_THROWS_AS(net.validate(), std::invalid_argument);
    REQUIRE_THROWS_WITH(net.validate(), Contains(std::string("layer '") + layer + "'") && Contains(why));
}

} // namespace

TEST_CASE("a sound network passes and is counted") {
    const Network net = sound();
    REQUIRE_NOTHROW(net.validate());
    REQUIRE(net.layers[0].macs() == 4 * 64 * 3 * 9);
    REQUIRE(net.layers[1].macs() == 0);
    REQUIRE(net.layers[1].weights() == 0);
    REQUIRE(net.layers[2].weights() == 20);
    REQUIRE(net.layers[3].weights() == 800);
    REQUIRE(net.macs() == 4 * 64 * 3 * 9 + 5 * 16 * 4 + 800);
    REQUIRE(net.shape_of(network_input) == net.input);
    REQUIRE(net.shape_of(2) == TensorShape{5, 4, 4});
}

TEST_CASE("sizes beyond 32 bits are counted") {
    LayerDescriptor layer;
    layer.in = {4096, 512, 512};
    layer.out = {4096, 512, 512};
    layer.kernel_height = layer.kernel_width = 3;
    REQUIRE(layer.out.words() == 1073741824ULL);
    REQUIRE(layer.macs() == 1073741824ULL * 4096 * 9);
}

TEST_CASE("layers have names for their kinds") {
    REQUIRE(to_string(LayerKind::conv) == std::string("conv"));
    REQUIRE(to_string(LayerKind::fully_connected) == std::string("fc"));
    REQUIRE(to_string(LayerKind::max_pool) == std::string("max_pool"));
    REQUIRE(to_string(LayerKind::average_pool) == std::string("average_pool"));
    REQUIRE(to_string(LayerKind::concat) == std::string("concat"));
    REQUIRE(to_string(Activation::relu6) == std::string("relu6"));
}

TEST_CASE("nothing to run is refused") {
    Network net = sound();
    net.layers.clear();
    REQUIRE_THROWS_AS(net.validate(), std::invalid_argument);
    net = sound();
    net.input.channels = 0;
    REQUIRE_THROWS_AS(net.validate(), std::invalid_argument);
}

TEST_CASE("contradictions are refused by the layer's name") {
    refused("b", "earlier layer", [](Network& n) { n.layers[1].input = 1; });
    refused("b", "earlier layer", [](Network& n) { n.layers[1].input = 3; });
    refused("b", "earlier layer", [](Network& n) { n.layers[1].input = -2; });
    refused("b", "input shape", [](Network& n) { n.layers[1].input = network_input; });
    refused("c", "input shape", [](Network& n) { n.layers[2].in.width = 5; });
    refused("a", "positive", [](Network& n) { n.layers[0].stride_width = 0; });
    refused("a", "positive", [](Network& n) { n.layers[0].kernel_height = 0; });
    refused("a", "output size", [](Network& n) { n.layers[0].pad_bottom = 0; });
    refused("a", "output size", [](Network& n) { n.layers[0].out.height = 9; });
    refused("d", "output size", [](Network& n) { n.layers[3].kernel_width = 5; });
    refused("c", "empty", [](Network& n) { n.layers[2].out.channels = 0; });
    refused("b", "pooling keeps", [](Network& n) { n.layers[1].out.channels = 5; });
    refused("b", "padding", [](Network& n) {
        LayerDescriptor& pool = n.layers[1];
        pool.pad_top = pool.pad_bottom = 2;
        pool.out.height = 6;
    });
}

TEST_CASE("a pooling that rounds up has a window more unless it would begin behind the input") {
    struct Side {
        std::uint32_t in, kernel, stride, pad, floor, ceil;
    };
    // The last two: the additional window would begin in the padding, and dropping it leaves the floor.
    for (const Side& side : {Side{6, 3, 2, 0, 2, 3}, Side{7, 3, 2, 0, 3, 3}, Side{5, 2, 2, 0, 2, 3},
                             Side{112, 3, 2, 0, 55, 56}, Side{5, 2, 3, 1, 2, 2}, Side{4, 1, 3, 0, 2, 2}}) {
        CAPTURE(side.in, side.kernel, side.stride, side.pad);
        Network net;
        net.name = "pool";
        net.input = {1, side.in, 1};
        LayerDescriptor pool;
        pool.name = "pool";
        pool.kind = LayerKind::max_pool;
        pool.in = net.input;
        pool.kernel_height = side.kernel;
        pool.stride_height = side.stride;
        pool.pad_top = pool.pad_bottom = side.pad;
        for (const bool up : {false, true}) {
            pool.ceil_mode = up;
            for (std::uint32_t rows = 1; rows < side.ceil + 3; ++rows) {
                pool.out = {1, rows, 1};
                net.layers = {pool};
                if (rows == (up ? side.ceil : side.floor)) {
                    REQUIRE_NOTHROW(net.validate());
                } else {
                    REQUIRE_THROWS_WITH(net.validate(), Contains("output size"));
                }
            }
        }
    }
}

TEST_CASE("options that a layer does not have are refused") {
    refused("a", "round", [](Network& n) { n.layers[0].ceil_mode = true; });
    refused("b", "counts its padding", [](Network& n) { n.layers[1].count_include_pad = true; });
    refused("b", "activation function", [](Network& n) { n.layers[1].activation = Activation::relu; });
    refused("b", "groups", [](Network& n) { n.layers[1].groups = 2; });
    refused("c", "groups", [](Network& n) { n.layers[2].groups = 4; });
    refused("a", "slope", [](Network& n) {
        n.layers[0].activation = Activation::leaky_relu;
        n.layers[0].negative_slope = 1;
    });
    refused("a", "members", [](Network& n) { n.layers[0].members = {0}; });
}

namespace {

/// `sound` and a second branch beside `c`: e (5x4x4) from b.
Network branched() {
    Network net = sound();
    net.layers.pop_back();
    LayerDescriptor e;
    e.name = "e";
    e.input = 1;
    e.in = net.layers[1].out;
    e.out = {3, 4, 4};
    net.layers.push_back(e);
    return net;
}

} // namespace

TEST_CASE("a concat of results that nobody else has joined needs no copies") {
    Network net = branched();
    REQUIRE(net.append_concat("join", {2, 3}) == 4);
    REQUIRE(net.layers.size() == 5);
    REQUIRE(net.layers[4].members == std::vector<int>{2, 3});
    REQUIRE(net.layers[4].out == TensorShape{8, 4, 4});
    REQUIRE(net.layers[4].macs() == 0);
    REQUIRE(net.layers[4].weights() == 0);
    REQUIRE(net.layers[4].sources() == std::vector<int>{2, 3});
    REQUIRE_NOTHROW(net.validate());
}

TEST_CASE("what can't be written in place is copied before a concat") {
    // b is read by c, which would write into the same banks; so b's copy is joined.
    Network net = branched();
    REQUIRE(net.append_concat("join", {1, 2}) == 5);
    REQUIRE(net.layers[4].name == "join_copy1");
    REQUIRE(net.layers[4].input == 1);
    REQUIRE(net.layers[5].members == std::vector<int>{4, 2});
    REQUIRE_NOTHROW(net.validate());
    // A concat can be a member, but c, which belongs to it already, can't be another one. The copy of c reads
    // from the concat, so that has to be copied, too.
    REQUIRE(net.append_concat("nested", {3, 5}) == 6);
    REQUIRE(net.layers[6].members == std::vector<int>{3, 5});
    REQUIRE(net.append_concat("again", {2, 6}) == 9);
    REQUIRE(net.layers[9].members == std::vector<int>{7, 8});
    REQUIRE(net.layers[8].input == 6);
    REQUIRE(net.layers[9].out.channels == 5 + 3 + 9);
    REQUIRE_NOTHROW(net.validate());
    // The same tensor twice: the copy would read what it writes, so both are copies.
    net = branched();
    net.append_concat("twice", {3, 3});
    REQUIRE(net.layers.back().members == std::vector<int>{5, 4});
    REQUIRE(net.layers[4].input == 3);
    REQUIRE(net.layers[5].input == 3);
    REQUIRE_NOTHROW(net.validate());
    // The network's input.
    net = sound();
    net.layers = {net.layers[0]};
    net.append_concat("with_input", {network_input, 0});
    REQUIRE(net.layers.back().members == std::vector<int>{1, 0});
    REQUIRE(net.layers[1].input == network_input);
    REQUIRE_NOTHROW(net.validate());
}

TEST_CASE("contradictory concats are refused") {
    const auto spoilt = [](const char* why, const std::function<void(LayerDescriptor&)>& spoil) {
        Network net = branched();
        net.append_concat("join", {2, 3});
        spoil(net.layers.back());
        CAPTURE(why);
        REQUIRE_THROWS_WITH(net.validate(), Contains("layer 'join'") && Contains(why));
    };
    spoilt("two members", [](LayerDescriptor& l) { l.members = {2}; });
    spoilt("first member", [](LayerDescriptor& l) { l.input = 3; });
    spoilt("one shape", [](LayerDescriptor& l) { l.in.channels = 5; });
    spoilt("channels", [](LayerDescriptor& l) { l.in.channels = l.out.channels = 9; });
    spoilt("height", [](LayerDescriptor& l) { l.members = {2, 0}; });
    spoilt("earlier", [](LayerDescriptor& l) { l.members = {2, 4}; });
    spoilt("computes", [](LayerDescriptor& l) { l.activation = Activation::relu; });
    spoilt("one twice", [](LayerDescriptor& l) {
        l.members = {2, 2};
        l.in.channels = l.out.channels = 10;
    });
    spoilt("writes another", [](LayerDescriptor& l) {
        l.members = {2, 1};
        l.in.channels = l.out.channels = 9;
    });
}

TEST_CASE("a kernel larger than its padded input has no output") {
    refused("d", "output size", [](Network& n) {
        n.layers[3].kernel_height = 5;
        n.layers[3].out.height = 0;
        n.layers[3].kernel_width = 5; // width 1 cannot be
    });
    refused("d", "empty", [](Network& n) {
        n.layers[3].kernel_height = 5;
        n.layers[3].out.height = 0;
    });
}

TEST_CASE("shortcuts that do not fit are refused") {
    refused("b", "only convolutions", [](Network& n) { n.layers[1].residual = ResidualInput{0, 2}; });
    refused("c", "shortcut is not", [](Network& n) { n.layers[2].residual->source = 2; });
    refused("c", "shortcut is not", [](Network& n) { n.layers[2].residual->source = -2; });
    refused("c", "subsampling", [](Network& n) { n.layers[2].residual->subsample = 0; });
    refused("c", "shape", [](Network& n) { n.layers[2].residual->subsample = 1; });
    refused("c", "shape", [](Network& n) { // more channels than the layer has
        n.layers[2].out.channels = 2;
        n.layers[3].in.channels = 2;
    });
    Network rounded = sound(); // an odd map is subsampled to its half, rounded up
    rounded.input = {3, 7, 7};
    rounded.layers[0].in = {3, 7, 7};
    rounded.layers[0].pad_bottom = rounded.layers[0].pad_right = 2;
    REQUIRE_NOTHROW(rounded.validate());
}
