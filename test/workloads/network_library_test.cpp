// SPDX-License-Identifier: Apache-2.0
#include "hydravp/workloads/network_library.h"

#include "hydravp/core/channel_split.h"
#include "hydravp/core/error.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

using namespace hydravp;
using workloads::known_networks;
using workloads::make_network;

namespace {

std::uint64_t written_words(const core::Network& net) {
    std::uint64_t words = 0;
    for (const auto& layer : net.layers) {
        words += layer.is_pool() ? 0 : layer.out.words();
    }
    return words;
}

std::uint64_t weight_words(const core::Network& net) {
    std::uint64_t words = 0;
    for (const auto& layer : net.layers) {
        words += layer.weights();
    }
    return words;
}

const core::LayerDescriptor& layer(const core::Network& net, const std::string& name) {
    const auto found =
        std::find_if(net.layers.begin(), net.layers.end(), [&](const auto& l) { return l.name == name; });
    REQUIRE(found != net.layers.end());
    return *found;
}

std::string message_of(const std::string& name) {
    try {
        make_network(name);
    } catch (const core::InputError& error) {
        return error.what();
    }
    return "";
}

} // namespace

TEST_CASE("the known networks have the MAC counts behind the published frame times") {
    CHECK(make_network("vgg16").macs() == 15'470'264'320U);
    CHECK(make_network("vgg19").macs() == 19'632'062'464U);
    CHECK(make_network("resnet34").macs() == 3'644'493'824U);
    CHECK(make_network("resnet34-projection").macs() == 3'663'761'408U);
    CHECK(make_network("resnet18").macs() == 1'814'073'344U);
    CHECK(make_network("alexnet").macs() == 724'406'816U); // Krizhevsky et al. 2012, two groups
    // He et al. 2015, Table 1: 3.8e9; Howard et al. 2017, Table 8: 569e6; Sandler et al. 2018, Table 4: 300e6
    CHECK(make_network("resnet50").macs() == Approx(3.86e9).epsilon(0.002));
    CHECK(make_network("mobilenet-v1").macs() == Approx(569e6).epsilon(0.001));
    CHECK(make_network("mobilenet-v2").macs() == Approx(300e6).epsilon(0.004));
    // Module by module from Szegedy et al. 2015, Table 1, which gives millions
    CHECK(make_network("googlenet").macs() == Approx(1.58e9).epsilon(0.01));
    CHECK(make_network("squeezenet").macs() == Approx(349e6).epsilon(0.01)); // torchvision: 0.35 GFLOPS
}

TEST_CASE("output words of convolutions and fully-connected layers") {
    CHECK(written_words(make_network("vgg16")) == 13'556'712);
    CHECK(written_words(make_network("vgg19")) == 14'861'288);
    // conv1 64*112^2; 6 layers of 64*56^2, 8 of 128*28^2, 12 of 256*14^2, 6 of 512*7^2; 1000 classes.
    const std::uint64_t resnet =
        64 * 112 * 112 + 6 * 64 * 56 * 56 + 8 * 128 * 28 * 28 + 12 * 256 * 14 * 14 + 6 * 512 * 7 * 7 + 1000;
    CHECK(resnet / 1000 == 3563);
    CHECK(written_words(make_network("resnet34")) == resnet);
    CHECK(written_words(make_network("resnet34-projection")) ==
          resnet + 128 * 28 * 28 + 256 * 14 * 14 + 512 * 7 * 7);
}

TEST_CASE("weight words") {
    // The published numbers of parameters include one bias per output channel.
    CHECK(weight_words(make_network("vgg16")) == 138'357'544 - (2 * 64 + 2 * 128 + 3 * 256 + 6 * 512 + 9192));
    CHECK(weight_words(make_network("vgg19")) == 143'667'240 - (2 * 64 + 2 * 128 + 4 * 256 + 8 * 512 + 9192));
    // torchvision's numbers of parameters, less two of each normalised channel and the biases of the classes
    const auto normalised = [](const core::Network& net) {
        std::uint64_t channels = 0;
        for (const auto& l : net.layers) {
            channels += l.kind == core::LayerKind::conv ? l.out.channels : 0;
        }
        return 2 * channels + 1000;
    };
    for (const auto& [name, parameters] : {std::pair{"resnet18", 11'689'512U},
                                           {"resnet34-projection", 21'797'672U},
                                           {"resnet50", 25'557'032U},
                                           {"mobilenet-v2", 3'504'872U}}) {
        const core::Network net = make_network(name);
        CHECK(weight_words(net) == parameters - normalised(net));
    }
    CHECK(weight_words(make_network("alexnet")) == 60'965'224 - 10'568); // Caffe's, less its biases
    // Less their biases: Caffe's GoogLeNet without the classifiers for training, torchvision's SqueezeNet 1.1
    const auto channels = [](const core::Network& net) {
        std::uint64_t sum = 0;
        for (const auto& l : net.layers) {
            sum += l.has_weights() ? l.out.channels : 0;
        }
        return sum;
    };
    CHECK(weight_words(make_network("googlenet")) == 6'998'552 - channels(make_network("googlenet")));
    CHECK(weight_words(make_network("squeezenet")) == 1'235'496 - channels(make_network("squeezenet")));
    CHECK(weight_words(make_network("mobilenet-v1")) == Approx(4.2e6).epsilon(0.01));
    CHECK(weight_words(make_network("resnet34-projection")) - weight_words(make_network("resnet34")) ==
          64 * 128 + 128 * 256 + 256 * 512);
}

TEST_CASE("every known network is consistent and its layer names are distinct") {
    REQUIRE(known_networks().size() == 13);
    for (const auto& info : known_networks()) {
        const auto net = make_network(info.name);
        CHECK(net.name == info.name);
        CHECK_FALSE(info.description.empty());
        CHECK_NOTHROW(net.validate());
        const bool svhn = info.name.rfind("svhn", 0) == 0;
        const std::uint32_t pixels = svhn ? 40 : info.name == "alexnet" ? 227 : 224;
        CHECK(net.input == core::TensorShape{3, pixels, pixels});
        CHECK(net.layers.back().out == core::TensorShape{svhn ? 10U : 1000U, 1, 1});
        const bool convolutional = info.name == "squeezenet"; // its last convolution has a ReLU
        CHECK((net.layers.back().kind == core::LayerKind::fully_connected) == !convolutional);
        std::set<std::string> names;
        for (const auto& l : net.layers) {
            CHECK(names.insert(l.name).second);
        }
        // A ReLU after every convolution and hidden layer except projections; none after pools or the result.
        for (const auto& l : net.layers) {
            const bool linear = !l.has_weights() || l.name == net.layers.back().name ||
                                l.name.find("project") != std::string::npos;
            CHECK((l.activation == core::Activation::none) == linear);
            CHECK((l.activation == core::Activation::relu6) == (!linear && info.name == "mobilenet-v2"));
        }
    }
}

TEST_CASE("structure of VGG-16") {
    const auto net = make_network("vgg16");
    CHECK(net.layers.size() == 21);
    CHECK(layer(net, "conv1_1").in == core::TensorShape{3, 224, 224});
    CHECK(layer(net, "pool5").out == core::TensorShape{512, 7, 7});
    CHECK(layer(net, "fc6").taps() == 49);
    CHECK(layer(net, "conv5_3").in.channels == 512);
}

TEST_CASE("structure of GoogLeNet and SqueezeNet") {
    const auto google = make_network("googlenet");
    CHECK(layer(google, "pool1").out == core::TensorShape{64, 56, 56});
    CHECK(layer(google, "inception3a").out == core::TensorShape{256, 28, 28});
    CHECK(layer(google, "inception4a").out == core::TensorShape{512, 14, 14});
    CHECK(layer(google, "inception4e").out == core::TensorShape{832, 14, 14});
    CHECK(layer(google, "inception5b").out == core::TensorShape{1024, 7, 7});
    const auto squeeze = make_network("squeezenet");
    CHECK(layer(squeeze, "pool1").out == core::TensorShape{64, 55, 55});
    CHECK(layer(squeeze, "fire9").out == core::TensorShape{512, 13, 13});
}

TEST_CASE("structure of ResNet-34") {
    const auto net = make_network("resnet34");
    CHECK(net.layers.size() == 1 + 1 + 32 + 1 + 1);
    CHECK(layer(net, "conv1").out == core::TensorShape{64, 112, 112});
    CHECK(layer(net, "pool1").out == core::TensorShape{64, 56, 56});
    CHECK(layer(net, "pool1").kernel_height == 3);
    CHECK(layer(net, "pool5").in == core::TensorShape{512, 7, 7});

    const auto& same = layer(net, "conv3_4_b");
    REQUIRE(same.residual);
    CHECK(same.residual->subsample == 1);
    CHECK(net.layers[static_cast<std::size_t>(same.residual->source)].name == "conv3_3_b");
    CHECK_FALSE(layer(net, "conv3_4_a").residual);

    const auto& widening = layer(net, "conv3_1_b");
    REQUIRE(widening.residual);
    CHECK(widening.residual->subsample == 2);
    CHECK(net.layers[static_cast<std::size_t>(widening.residual->source)].name == "conv2_3_b");
    CHECK(layer(net, "conv3_1_a").stride_height == 2);

    const auto projected = make_network("resnet34-projection");
    CHECK(projected.layers.size() == net.layers.size() + 3);
    const auto& sum = layer(projected, "conv4_1_b");
    REQUIRE(sum.residual);
    CHECK(sum.residual->subsample == 1);
    const auto& projection = projected.layers[static_cast<std::size_t>(sum.residual->source)];
    CHECK(projection.name == "conv4_1_projection");
    CHECK(projected.layers[static_cast<std::size_t>(projection.input)].name == "conv3_4_b");
    CHECK(projected.layers[static_cast<std::size_t>(sum.input)].name == "conv4_1_a");
}

TEST_CASE("an unknown network is refused with a proposal and the list") {
    for (const char* typo : {"vgg-16", "VGG16", "vgg6"}) {
        const auto message = message_of(typo);
        CHECK_THAT(message, Catch::Contains("unknown network '" + std::string(typo) + "'"));
        CHECK_THAT(message, Catch::Contains("did you mean 'vgg1"));
    }
    CHECK_THAT(message_of("resnet-34"), Catch::Contains("did you mean 'resnet34'?"));
    CHECK_THAT(message_of("x"), Catch::Contains("vgg16, vgg19, resnet34, resnet34-projection"));
    CHECK_THROWS_AS(make_network(""), core::InputError);
    CHECK(message_of(std::string(1'000'000, 'v')).size() < 300);
}

TEST_CASE("channel split: the greatest divisor of the units that divides the channels") {
    using core::channel_split;
    CHECK(channel_split(3, 16) == 1);
    CHECK(channel_split(1, 16) == 1);
    CHECK(channel_split(24, 16) == 8);
    CHECK(channel_split(64, 16) == 16);
    CHECK(channel_split(8, 16) == 8);
    for (std::uint32_t c = 1; c < 100; ++c) {
        for (const std::uint32_t units : {1U, 6U, 8U, 16U, 32U}) {
            std::uint32_t best = 1;
            for (std::uint32_t d = 1; d <= units; ++d) {
                best = units % d == 0 && c % d == 0 ? d : best;
            }
            CHECK(channel_split(c, units) == best);
        }
    }
}

TEST_CASE("structure of the SVHN network") {
    const auto net = make_network("svhn");
    CHECK(net.layers.size() == 10);
    CHECK(net.macs() == 41'735'424);
    CHECK(weight_words(net) == 2'080'272);
    CHECK(layer(net, "conv0").macs() == 4'665'600);
    CHECK(layer(net, "conv2").macs() == 11'943'936);
    CHECK(layer(net, "conv5").out == core::TensorShape{128, 5, 5});
    CHECK(layer(net, "fc0").macs() == 1'638'400);
    CHECK(layer(net, "pool1").kind == core::LayerKind::average_pool);
    CHECK(layer(make_network("svhn-max-pool"), "pool1").kind == core::LayerKind::max_pool);
}
